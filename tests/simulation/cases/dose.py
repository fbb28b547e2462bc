"""Curves over doses: the slope, where return crosses cost, and bands of monotone curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.design.contrasts import against
from apologylab.design.layout import table_layout
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Floats, World

DOSES = np.array([0.0, 2.0, 4.0, 6.0, 8.0])
ARMS = tuple(f"d{dose:g}" for dose in DOSES)
BENT = 6 * DOSES - 0.5 * DOSES**2
"""Highest at 6, in errors of an arm's mean; a line through it has slope 2."""


RISING = 6 * DOSES - 0.3 * DOSES**2


def by(
    estimator: str, truth: Callable[[float], Floats], rows: slice, curve: Floats = BENT
) -> Callable[..., Trial]:
    """Whether ``rows`` of the estimator hold the ``truth`` together.

    The truth is of the error of an arm's mean, in which ``curve`` is as well.
    """
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "d0"),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned={},
        estimators=(estimator,),
        layout=table_layout({arm: {"coupon": d} for arm, d in zip(ARMS, DOSES, strict=True)}),
    )

    def trial(rng: np.random.Generator, world: World) -> Trial:
        n, error = world.treatment, world.sd / world.treatment**0.5
        code = np.repeat(np.arange(len(DOSES)), n)
        y = world.units(rng, len(code)).untreated + error * curve[code]
        panel = ArraySource(
            columns={"y": y}, cells=tuple(Cell(1, 1, arm, "") for arm in ARMS), code=code
        )
        found, _ = estimates(fit(panel, question), question)
        held = [
            each.ci_low <= true <= each.ci_high
            for each, true in zip(found[rows], truth(error), strict=False)
        ]
        return Trial(bool(held) and all(held), None)

    return trial


CASES: tuple[Case, ...] = (
    Case(
        "dose",
        "difference_in_means of the levels",
        STANDARD,
        by("dose", lambda e: np.array([2 * e]), slice(1)),
    ),
    Case(
        "dose(curve=quadratic): where it pays no more",
        "more units: where it cannot be found it is refused, which counts as a miss here",
        STANDARD,
        by("dose(curve=quadratic)", lambda _: np.array([6.0]), slice(4, 5)),
    ),
    Case(
        "dose(curve=rising)",
        "difference_in_means of the levels",
        STANDARD,
        by("dose(curve=rising)", lambda e: RISING[1:] * e, slice(4), RISING),
    ),
)
