"""Weights of known propensities in a ramp within a trend (R26): where raw pooling fails."""

from __future__ import annotations

import numpy as np

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.estimators.ipw import ipw
from apologylab.inference.moments import Cell, Request
from apologylab.inference.multiplicity import bounds

CELLS = tuple(Cell(1, phase, arm, "") for phase in (1, 2, 3) for arm in ("a", "b"))
WEIGHTS = {1: {"a": 19, "b": 1}, 2: {"a": 3, "b": 1}, 3: {"a": 1, "b": 1}}
SHARE = np.array([0.05, 0.25, 0.5])
VS = against(["b"], "a")[0]


def test_weights_cover_where_raw_pooling_fails() -> None:
    """600 ramps; by chance a right interval would be below 0.925 or above 0.985 once in 300 runs.

    The effect is 0.5 and customers spend 2 more in each later phase, when more are treated.
    """
    rng = np.random.default_rng(20)
    phase = np.repeat([0, 1, 2], [800, 600, 600])
    held = raw = 0
    for _ in range(600):
        treated = rng.uniform(size=2_000) < SHARE[phase]
        y = 2.0 * phase + 0.5 * treated + rng.normal(size=2_000)
        source = ArraySource(columns={"y": y}, cells=CELLS, code=2 * phase + treated)
        reading = ipw(source.moments([Request("y")])[0], ("a", "b"), WEIGHTS).read(VS)
        low, high = bounds(reading, 0.05)
        held += low <= 0.5 <= high
        difference = y[treated].mean() - y[~treated].mean()
        error = (y[treated].var() / treated.sum() + y[~treated].var() / (~treated).sum()) ** 0.5
        raw += abs(difference - 0.5) <= 1.96 * error
    assert 0.925 <= held / 600 <= 0.985
    assert raw == 0
