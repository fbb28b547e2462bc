"""The page that a head of product reads."""
