"""Many questions, one error rate: adjusted p-values and intervals that hold together (R30)."""
