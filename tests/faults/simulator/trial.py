"""Many seeds in a test: what they met is recorded, and the first that breaks fails it."""

from __future__ import annotations

from collections import Counter

from simulator.stores import run_seed


def survive(seeds, mode, record_property):
    """Run ``seeds``; gives the faults that they met."""
    faults, words = Counter(), Counter()
    for seed in seeds:
        result = run_seed(seed, mode)
        faults.update(result.faults)
        words.update(result.words)
        again = f"python tests/faults/run.py --seed {seed} --mode {mode}"
        assert not result.violations, "\n".join([again, *result.violations, *result.trace[-40:]])
    _record(record_property, len(seeds), faults, words)
    return faults


def agree(seeds, record_property):
    """The memory store and SQLite do the same on the same run: calls, replies and content."""
    faults, words = Counter(), Counter()
    for seed in seeds:
        memory, file = run_seed(seed, "memory"), run_seed(seed, "sqlite")
        again = f"python tests/faults/run.py --seed {seed} --mode sqlite"
        assert not file.violations, "\n".join([again, *file.violations, *file.trace[-40:]])
        assert memory.trace == file.trace, seed
        assert memory.replies == file.replies, seed
        assert memory.content == file.content, seed
        faults.update(file.faults)
        words.update(file.words)
    _record(record_property, len(seeds), faults, words)


def _record(record_property, seeds, faults, words):
    record_property("seeds", seeds)
    record_property("violations", 0)
    record_property("faults", faults.total())
    for name, times in sorted(faults.items()):
        record_property(name, times)
    for name, times in sorted(words.items()):
        record_property(f"Channel says {name}", times)
