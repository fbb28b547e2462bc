"""Difference in means and Lin's adjustment, through the same code as ``analyse``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import ALL, Case, Trial, two_arms

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Arms, World

    from apologylab.inference.results import Estimate

CELLS = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
"""Two arms in one block; code 0 is the treatment."""


def asked(estimator: str) -> Question:
    """The effect of "basic" on y, by one estimator, with covariate x."""
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("silence", "basic"), "silence"),
        weights={1: {"silence": 1, "basic": 1}},
        assigned={},
        covariates=("x",),
        estimators=(estimator,),
    )


def source(arms: Arms) -> ArraySource:
    """The panel of two arms: columns y and x."""
    return ArraySource(
        columns={"y": np.append(arms.y1, arms.y0), "x": np.append(arms.x1, arms.x0)},
        cells=CELLS,
        code=np.repeat([0, 1], [len(arms.y1), len(arms.y0)]),
    )


def by_analyse(
    estimator: str, *, over_units: bool
) -> Callable[[np.random.Generator, World], Trial]:
    """A trial of any estimator of arm means: interval in a world with effect, test without.

    ``over_units``: the truth is the mean effect on the units drawn, not on their population.
    """
    question = asked(estimator)

    def one(arms: Arms) -> Estimate:
        panel = source(arms)
        found, refused = estimates(fit(panel, question), question)
        assert not refused, refused
        return found[0]

    def trial(rng: np.random.Generator, world: World) -> Trial:
        arms = two_arms(rng, world)
        found = one(arms)
        truth = arms.on_units if over_units else world.effect
        p = one(two_arms(rng, world, null=True)).p_value
        assert p is not None
        return Trial(found.ci_low <= truth <= found.ci_high, p <= 0.05)

    return trial


CASES: tuple[Case, ...] = (
    Case(
        "difference_in_means",
        "winsorised, or more units in the small arm",
        ALL,
        by_analyse("difference_in_means", over_units=False),
    ),
    Case("lin", "difference_in_means", ALL, by_analyse("lin", over_units=True)),
)
