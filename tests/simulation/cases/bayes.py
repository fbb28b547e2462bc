"""Shrinkage: four effects drawn from a normal prior whose spread is their standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.inference.estimators.shrinkage import empirical_bayes, integrated

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Floats, World

    from apologylab.inference.estimators.shrinkage import Posterior

    By = Callable[[Floats, Floats], Posterior]
EFFECTS = 4


def trial(by: By, rng: np.random.Generator, world: World) -> Trial:
    """The interval of one of the effects, which arms that share a reference estimate."""
    n = world.treatment
    y = world.units(rng, n * (EFFECTS + 1)).untreated.reshape(EFFECTS + 1, n)
    theta = 0.5 * world.sd * (2 / n) ** 0.5 + world.sd * (2 / n) ** 0.5 * rng.normal(size=EFFECTS)
    variance = y.var(axis=1, ddof=1) / n
    effects = y[1:].mean(axis=1) + theta - y[0].mean()
    found = by(effects, np.diag(variance[1:]) + variance[0])
    low, high = float(found.quantile(0.025)[0]), float(found.quantile(0.975)[0])
    return Trial(low <= theta[0] <= high, None)


CASES: tuple[Case, ...] = (
    Case(
        "shrinkage",
        "difference_in_means, unshrunk",
        STANDARD,
        lambda rng, world: trial(integrated, rng, world),
    ),
    Case(
        "shrinkage(tau=reml)",
        "shrinkage",
        STANDARD,
        lambda rng, world: trial(empirical_bayes, rng, world),
    ),
)
