"""Remedies that are free and change nothing: how often does ``decide`` ship one of them? (R34)

Spend is zero-inflated and skewed, four arms of 250 units. The rule asks that the lower end of a
two-sided simultaneous 95% interval is above 0, so some arm ships in at most 2.5% of experiments. A
rule on levels ships in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.service.decide import decide_panel
from apologylab.service.ports import Flow
from apologylab.wire.declaration import read

SEED, UNITS, ARMS = 20_260_730, 1_000, ("none", "a", "b", "c")
NOMINAL = 0.025
DECLARATION = """
name = "free"
question = "Does anything pay?"
owner = "tests"
[panel]
arm = "arm"
[arms]
reference = "none"
[allocation]
weights = { none = 1, a = 1, b = 1, c = 1 }
[[outcomes]]
name = "spend"
column = "spend"
unit = "USD"
role = "primary"
[decision]
margin = 0.25
sales = "spend"
ship_if = "lower(value_vs_reference) > 0"
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A panel of arrays."""

    source: ArraySource
    assigned: dict[str, int]
    covariates: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset({"spend", "value"})

    def flow(self):
        units = {1: self.assigned}
        return Flow(assigned=units, mature={"spend": units})


def draw(generator):
    spend = generator.lognormal(3, 1.2, UNITS) * (generator.random(UNITS) < 0.4)
    code = generator.integers(len(ARMS), size=UNITS)
    cells = tuple(sorted(Cell(1, 1, arm, "") for arm in ARMS))
    counts = np.bincount(code, minlength=len(ARMS))
    source = ArraySource(columns={"spend": spend, "value": 0.25 * spend}, cells=cells, code=code)
    assigned = {cell.arm: int(n) for cell, n in zip(cells, counts, strict=True)}
    return Arrays(source=source, assigned=assigned)


@pytest.mark.slow
def test_some_arm_ships_at_most_nominally(counts, record_property):
    record_property("seed", SEED)
    times = counts(1_000, 20_000)
    experiment = read(DECLARATION, where="free")
    generator = np.random.default_rng(SEED)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    words = [decide_panel(experiment, draw(generator), now=now).verdict for _ in range(times)]
    shipped = words.count("ship") / times
    # Four Monte Carlo errors: a false alarm in 1 of 30,000 runs.
    assert shipped <= NOMINAL + 4 * (NOMINAL * (1 - NOMINAL) / times) ** 0.5
    assert shipped >= 0.002  # 0.6% to 2.5% is expected: a rule that never ships passes nothing
    assert words.count("ended without an answer") / times > 0.9
