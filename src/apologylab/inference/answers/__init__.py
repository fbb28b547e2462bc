"""How estimators are carried out on a source, by topic; each file has ``ANSWERS``."""
