"""One file an estimator; they never import each other."""
