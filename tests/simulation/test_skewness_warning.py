"""The warning fires where the interval is unsafe, and keeps silent where it is at its level.

Cells are simulated spend (three in ten buy, lognormal) of one small arm beside a large one; each is
called unsafe (below 0.93), at its level (0.94 to 0.96) or neither by its coverage over the same
replications as the warning. Counts are compared with binomial quantiles at 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from cells import spend
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.moments import Cell, Request
from apologylab.inference.multiplicity import bounds
from apologylab.inference.skewness import column_of, too_skewed

pytestmark = pytest.mark.slow
FALSE_ALARM = 1e-5
CELLS = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
(EFFECT,) = against(("silence", "basic"), "silence")


class World(NamedTuple):
    """Spend of a coefficient of variation, and units of each arm."""

    cv: float
    basic: int
    silence: int


UNSAFE = (
    World(10.0, 250, 4_750),
    World(10.0, 50, 950),
    World(10.0, 250, 2_250),
    World(5.0, 50, 450),
    World(5.0, 250, 4_750),
    World(3.0, 50, 950),
    World(10.0, 1_000, 9_000),
)
AT_LEVEL = (
    World(2.0, 1_000, 9_000),
    World(3.0, 1_000, 4_000),
    World(5.0, 250, 500),
    World(5.0, 1_000, 1_500),
    World(3.0, 2_000, 6_000),
    World(2.0, 250, 1_000),
)


class Seen(NamedTuple):
    """How often the interval held the truth, and how often it was warned of."""

    covered: int
    warned: int


def tried(world: World, *, replications: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    n = world.basic + world.silence
    code = np.repeat([0, 1], [world.basic, world.silence])
    covered = warned = 0
    for _ in range(replications):
        units = spend(world.cv)(rng, n)
        columns = {"spend": units.untreated, "spend:pre": units.covariate}
        source = ArraySource(columns=columns, cells=CELLS, code=code)
        moments = dict(
            zip(columns, source.moments([Request(each) for each in columns]), strict=True)
        )
        reading = difference_in_means(moments["spend"], ["basic", "silence"]).read(EFFECT)
        low, high = bounds(reading, 0.05)
        covered += low <= 0 <= high
        known = {name: column_of(each, name) for name, each in moments.items()}
        warned += bool(too_skewed(source, known, [EFFECT]))
    return Seen(covered, warned)


@pytest.mark.parametrize("world", UNSAFE, ids=str)
def test_it_fires_where_the_interval_is_unsafe(
    world: World, counts: Callable[[int, int], int]
) -> None:
    replications = counts(200, 3_000)
    seen = tried(world, replications=replications, seed=31)
    assert seen.covered <= stats.binom.isf(FALSE_ALARM, replications, 0.93)
    assert seen.warned >= stats.binom.ppf(FALSE_ALARM, replications, 0.9)
    if replications >= 3_000:
        assert seen.covered < 0.93 * replications
        assert seen.warned >= 0.9 * replications


@pytest.mark.parametrize("world", AT_LEVEL, ids=str)
def test_it_is_silent_where_the_interval_is_at_its_level(
    world: World, counts: Callable[[int, int], int]
) -> None:
    replications = counts(200, 3_000)
    seen = tried(world, replications=replications, seed=32)
    least, most = (0.94, 0.96)
    assert seen.covered >= stats.binom.ppf(FALSE_ALARM, replications, least)
    assert seen.covered <= stats.binom.isf(FALSE_ALARM, replications, most)
    assert seen.warned <= stats.binom.isf(FALSE_ALARM, replications, 0.1)
    if replications >= 3_000:
        assert seen.warned <= 0.1 * replications
