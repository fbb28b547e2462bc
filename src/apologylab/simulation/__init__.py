"""Worlds: simulated truth, to rehearse an experiment and to test the estimators against."""
