"""Faults from a seed: the real service, a fake world, and an oracle after every run.

``python tests/faults/run.py --seed N --mode MODE`` replays what broke here, with its trace.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from simulator.mutants import mutants
from simulator.stores import MODES, run_seed

MUTANTS = (
    "service/assign.py:call dropped:work.lock([*",
    "service/settling.py:call dropped:give_back",
    "service/claiming.py:call dropped:work.hand_over",
    "service/retrying.py:late commit:",
    "storage/memory.py:part dropped:self.lease_until > now",
    "storage/queue.py:where dropped:_HELD",
)
"""Some that every run of the slow tests tries; the others with ``make verify``."""


def _survive(seeds, mode, record_property):
    """Run ``seeds``; what they met is recorded, and the first that breaks fails the test."""
    faults, words = Counter(), Counter()
    for seed in seeds:
        result = run_seed(seed, mode)
        faults.update(result.faults)
        words.update(result.words)
        again = f"python tests/faults/run.py --seed {seed} --mode {mode}"
        assert not result.violations, "\n".join([again, *result.violations, *result.trace[-40:]])
    record_property("seeds", len(seeds))
    record_property("violations", 0)
    for name, times in sorted(faults.items()):
        record_property(name, times)
    for name, times in sorted(words.items()):
        record_property(f"Channel says {name}", times)
    return faults


@pytest.mark.parametrize("mode", ["memory", "interleaved"])
def test_whatever_breaks_nothing_is_lost_doubled_or_overspent(mode, record_property):
    faults = _survive(range(100), mode, record_property)
    ports = {name.partition(" ")[0] for name in faults}
    assert ports == {"Ledger", "Transaction", "Channel", "Clock"}


def test_a_sqlite_file_does_the_same(record_property):
    _same_in_memory_and_in_a_file(range(12), record_property)


def test_a_seed_is_a_run():
    first, second = (run_seed(11, "interleaved") for _ in range(2))
    assert first.trace == second.trace
    assert (first.content, first.faults) == (second.content, second.faults)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["memory", "interleaved"])
def test_thousands_of_seeds(mode, counts, record_property):
    _survive(range(1_000, 1_000 + counts(500, 10_000)), mode, record_property)


@pytest.mark.slow
def test_memory_and_sqlite_agree_on_many_seeds(counts, record_property):
    _same_in_memory_and_in_a_file(range(1_000, 1_000 + counts(100, 1_000)), record_property)


def _same_in_memory_and_in_a_file(seeds, record_property):
    _survive(seeds, "sqlite", record_property)
    for seed in seeds:
        memory, file = run_seed(seed, "memory"), run_seed(seed, "sqlite")
        assert memory.trace == file.trace, seed
        assert memory.replies == file.replies, seed
        assert memory.content == file.content, seed
