"""Thousands of seeds on the ledger in memory: one writer at a time, and many at once."""

from __future__ import annotations

import pytest
from simulator.trial import survive

FIRST = 1_000


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["memory", "interleaved"])
def test_thousands_of_seeds(mode, counts, record_property):
    record_property("first seed", FIRST)
    seeds = range(FIRST, FIRST + counts(500, 4_000))
    assert survive(seeds, mode, record_property).broken == []
