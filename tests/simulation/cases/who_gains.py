"""Who gains, where every unit gains the same: slope, areas and spread are 0, each group's effect
is the average. Medians over splits are known to be cautious: coverage above the level is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import Case, Trial, two_arms

from apologylab.inference.heterogeneity.best_linear import best_linear, sorted_groups
from apologylab.inference.heterogeneity.judged import Judged, halves, median
from apologylab.inference.heterogeneity.learners import Half, linear
from apologylab.inference.heterogeneity.rank_weighted import rank_weighted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import World

    from apologylab.inference.heterogeneity.judged import Number

HALVES = 6


def trial(
    read: Callable[[Judged], Number], truth: float
) -> Callable[[np.random.Generator, World], Trial]:
    """One experiment in which the remedy adds the same to every unit."""

    def once(rng: np.random.Generator, world: World) -> Trial:
        arms = two_arms(rng, world, null=True)
        y = np.append(arms.y1 + world.effect, arms.y0)
        treated = np.repeat([True, False], [len(arms.y1), len(arms.y0)])
        share = len(arms.y1) / len(y)
        X = np.append(arms.x1, arms.x0)[:, None]
        whole = Half(X, y, treated, np.full(len(y), share))
        judged = halves(whole, linear, splits=HALVES, rng=rng)
        found = median([read(half) for half in judged], 0.05)
        target = world.effect if truth else 0.0
        covered = found.low <= target <= found.high
        return Trial(covered, None if truth else found.p_value < 0.05)

    return once


BOTH = ("small", "large")
ONE = ("small",)
"""In the large world most covariates are 0: a guess by them cannot be cut in two halves."""


def case(
    name: str, read: Callable[[Judged], Number], worlds: tuple[str, ...], *, truth: float = 0.0
) -> Case:
    return Case(
        name=name,
        instead="subgroups declared in the plan",
        worlds=worlds,
        trial=trial(read, truth),
    )


CASES = (
    case("best_linear_predictor", lambda half: best_linear(half).slope, BOTH),
    case("best_linear_predictor, average", lambda half: best_linear(half).average, ONE, truth=1.0),
    case("sorted_groups(groups=2)", lambda half: sorted_groups(half, 2).groups[0], ONE, truth=1.0),
    case("sorted_groups(groups=2), spread", lambda half: sorted_groups(half, 2).spread, ONE),
    case("rank_weighted", lambda half: rank_weighted(half, "autoc"), BOTH),
    case("rank_weighted(area=qini)", lambda half: rank_weighted(half, "qini"), ONE),
)
