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

    from cells import World

DOSES = np.array([0.0, 2.0, 4.0, 6.0, 8.0])
ARMS = tuple(f"d{dose:g}" for dose in DOSES)
BENT = 6 * DOSES - 0.5 * DOSES**2
"""Highest at 6, in errors of an arm's mean; a line through it has slope 2."""


def by(estimator: str, truth: Callable[[float], float], row: int) -> Callable[..., Trial]:
    """Whether row ``row`` of the estimator holds ``truth``, given the error of an arm's mean."""
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
        y = world.units(rng, len(code)).untreated + error * BENT[code]
        panel = ArraySource(
            columns={"y": y}, cells=tuple(Cell(1, 1, arm, "") for arm in ARMS), code=code
        )
        found, _ = estimates(fit(panel, question), question)
        if len(found) <= row:
            return Trial(False, None)
        return Trial(found[row].ci_low <= truth(error) <= found[row].ci_high, None)

    return trial


SLOW = "the interval is found on a grid of 401 doses"
CASES: tuple[Case, ...] = (
    Case("dose", "difference_in_means of the levels", STANDARD, by("dose", lambda e: 2 * e, 0)),
    Case(
        "dose(curve=quadratic): where it pays no more",
        "more units: where it cannot be found it is refused, which counts as a miss here",
        STANDARD,
        by("dose(curve=quadratic)", lambda _: 6.0, 4),
        replications=2_000,
        because=SLOW,
    ),
    Case(
        "dose(curve=rising)",
        "difference_in_means of the levels",
        STANDARD,
        by("dose(curve=rising)", lambda e: float(BENT[1]) * e, 0),
    ),
)
