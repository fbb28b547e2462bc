"""Faults from a seed: the real service, a fake world, and an oracle after every run.

``python tests/faults/run.py --seed N --mode MODE`` replays what broke here, with its trace.
"""

from __future__ import annotations

from collections import Counter

import pytest
from simulator.stores import run_seed
from simulator.trial import agree, survive


@pytest.mark.parametrize("mode", ["memory", "interleaved"])
def test_whatever_breaks_nothing_is_lost_doubled_or_overspent(mode, record_property):
    tally = survive(range(60), mode, record_property)
    assert tally.broken == []
    ports = {name.partition(" ")[0] for name in tally.faults}
    assert ports == {"Ledger", "Transaction", "Channel", "Clock"}
    kinds = {name.partition(" ")[2] for name in tally.faults}
    assert kinds == {"before", "after", "died before", "died after"}


@pytest.mark.parametrize("mode", ["memory", "interleaved", "sqlite"])
def test_what_awaits_a_visit_is_neither_lost_nor_sent_without_one(mode):
    ends = Counter()
    for seed in range(40 if mode == "interleaved" else 10):
        result = run_seed(seed, mode, variant="visits")
        assert result.violations == [], (seed, result.trace[-40:])
        ends.update(result.ends)
    assert min(ends["no_visit"], ends["moved"]) >= 5, ends


def test_a_file_does_what_memory_does(record_property):
    assert agree(range(6), record_property).broken == []


def test_a_seed_is_a_run():
    first, second = (run_seed(11, "interleaved") for _ in range(2))
    assert first.trace == second.trace
    assert (first.content, first.faults) == (second.content, second.faults)
    assert run_seed(12, "interleaved").trace != first.trace
