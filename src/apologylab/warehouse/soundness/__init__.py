"""The rules that a ledger could break, each as one query of those who break it."""
