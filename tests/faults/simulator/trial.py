"""Many seeds in a test: what they met is recorded, and what broke is told with its command."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulator.stores import run_seed

TOLD = 40
"""Calls before the end that a broken run is told with; the command shows all."""


@dataclass
class Tally:
    """What seeds met; ``broken`` ends them, with the command that shows it again."""

    seeds: int = 0
    faults: Counter = field(default_factory=Counter)
    words: Counter = field(default_factory=Counter)
    broken: list = field(default_factory=list)

    def add(self, result):
        self.seeds += 1
        self.faults.update(result.faults)
        self.words.update(result.words)
        if result.violations:
            again = f"python tests/faults/run.py --seed {result.seed} --mode {result.mode}"
            self.broken += [again, *result.violations, *result.trace[-TOLD:]]

    def record(self, record_property):
        """Keep the counts for docs/verification.json."""
        record_property("seeds", self.seeds)
        record_property("violations", len(self.broken))
        record_property("faults", self.faults.total())
        for name, times in sorted(self.faults.items()):
            record_property(name, times)
        for name, times in sorted(self.words.items()):
            record_property(f"Channel says {name}", times)


def survive(seeds, mode, record_property):
    """Run ``seeds`` until one breaks."""
    tally = Tally()
    for seed in seeds:
        tally.add(run_seed(seed, mode))
        if tally.broken:
            break
    tally.record(record_property)
    return tally


def agree(seeds, record_property):
    """The same in memory and on a file: calls, replies and content of each seed must be equal."""
    tally = Tally()
    for seed in seeds:
        memory, file = run_seed(seed, "memory"), run_seed(seed, "sqlite")
        tally.add(file)
        if memory.what != file.what:
            tally.broken.append(f"seed {seed}: the file does not do what memory does")
        if tally.broken:
            break
    tally.record(record_property)
    return tally
