"""Runs of the real service from a seed, with faults at every port, and an oracle after each."""
