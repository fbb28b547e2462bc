"""WHAT may be concluded: moments, estimators, checks, multiplicity."""
