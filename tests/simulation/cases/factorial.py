"""An interaction of two factors: a difference of differences over four cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.design.contrasts import read_contrast
from apologylab.design.layout import table_layout
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

if TYPE_CHECKING:
    from cells import Floats, World

    from apologylab.inference.results import Estimate

LAYOUT = table_layout({f"{a}{b}": {"coupon": a, "timing": b} for a in "01" for b in "01"})
ARMS = tuple(arm.name for arm in LAYOUT.arms)
CONTRAST = read_contrast("synergy", "coupon x timing", LAYOUT)
QUESTION = Question(
    outcomes=(Measured(name="y", role="primary", unit="USD"),),
    arm_contrasts=(),
    named_contrasts=(CONTRAST,),
    weights={1: dict.fromkeys(ARMS, 1)},
    assigned={},
)
CELLS = tuple(Cell(1, 1, arm, "") for arm in ARMS)


def trial(rng: np.random.Generator, world: World) -> Trial:
    """The remedy acts in the last cell alone, so the interaction is its effect."""
    n = world.treatment
    units = world.units(rng, 4 * n)
    code = np.repeat(np.arange(4), n)
    row = _read(np.where(code == 3, units.treated, units.untreated), code)
    p = _read(units.untreated, code).p_value
    return Trial(row.ci_low <= world.effect <= row.ci_high, p is not None and p <= 0.05)


def _read(y: Floats, code: np.ndarray) -> Estimate:
    panel = ArraySource(columns={"y": y}, cells=CELLS, code=code)
    return estimates(fit(panel, QUESTION), QUESTION)[0][0]


CASES: tuple[Case, ...] = (
    Case("an interaction of two factors", "winsorised, or more units", STANDARD, trial),
)
