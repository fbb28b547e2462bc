"""Break-evens from the means of a panel: with them in place of what was declared, v is 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apologylab.decision.value import AT_FACE, AT_ZERO, REDEEMED, SALES, VALUE
from apologylab.decision.verdict import ArmValue
from apologylab.design.contrasts import arm_contrasts
from apologylab.inference.arrays import panel
from apologylab.inference.plan import fit
from apologylab.inference.question import Measured, Question
from apologylab.service.break_even import with_break_even

MARGIN, FACE, MESSAGE = 0.25, 5.0, 0.01
ARM = "sorry+usd5"
VALUE_OF = ArmValue(
    arm=ARM, point=0.0, std_error=1.0, ci_low=-2.0, ci_high=2.0, level=0.95,
    interval_kind="pointwise", n=1_000,
)  # fmt: skip


def parts(generator, n=2_000):
    """Sales, what was redeemed, and what is still open of the coupon, unit by unit."""
    arm = np.array(["silence", ARM])[np.arange(n) % 2]
    gets = arm == ARM
    sales = generator.exponential(40, n) + 6.0 * gets
    used = gets & (generator.random(n) < 0.2)
    waits = gets & ~used & (generator.random(n) < 0.3)
    return arm, sales, used * FACE, waits * FACE


def v(arm, sales, redeemed, still_open, *, margin=MARGIN, face=FACE):
    return margin * sales - (redeemed + still_open) * face / FACE - MESSAGE * (arm == ARM)


def difference(arm, values):
    return values[arm == ARM].mean() - values[arm == "silence"].mean()


@pytest.mark.parametrize("outlives", [False, True])
def test_at_its_break_evens_an_arm_is_worth_nothing(late, outlives):
    arm, sales, redeemed, still_open = parts(np.random.default_rng(20_260_801))
    still_open = still_open * outlives
    given = (arm, sales, redeemed, still_open)
    columns = {VALUE: v(*given), SALES: sales, REDEEMED: redeemed}
    if outlives:
        columns |= {AT_FACE: v(*given), AT_ZERO: v(arm, sales, redeemed, 0)}
    experiment = late.declaration()
    (contrast,) = [each for each in arm_contrasts(experiment) if each.treatment == ARM]
    asked = Question(
        outcomes=tuple(Measured(name=name, role="value", unit="USD") for name in columns),
        arm_contrasts=(contrast,),
        weights={1: {"silence": 1, ARM: 1}},
        assigned={},
    )
    fits = fit(panel(columns, arm=arm.tolist()), asked)
    value = replace(VALUE_OF, point=difference(arm, v(*given)))
    found = with_break_even(value, experiment, fits, "difference_in_means", contrast)
    assert found.break_even_margin != pytest.approx(MARGIN, rel=0.01)
    at_margin = v(*given, margin=found.break_even_margin)
    at_face = v(*given, face=found.break_even_compensation)
    assert difference(arm, at_margin) == pytest.approx(0, abs=1e-9)
    assert difference(arm, at_face) == pytest.approx(0, abs=1e-9)
