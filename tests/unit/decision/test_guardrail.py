"""A guardrail is read on one side, in the direction that is bad (R35)."""

from __future__ import annotations

import pytest
from scipy import stats

from apologylab.decision.guardrail import read_guardrail
from apologylab.design.experiment import Outcome
from apologylab.inference.arm_means import Reading


def read(point, *, std_error=0.01, lower_is_better=True, bound=0.05):
    outcome = Outcome(
        name="complaints",
        role="guardrail",
        better="lower" if lower_is_better else "higher",
        worse_by_at_most=bound,
    )
    reading = Reading(point=point, std_error=std_error, df=50.0, reference_mean=0.2)
    return read_guardrail(
        outcome, "sorry", "silence", reading, unit="share of customers", alpha=0.05
    )


def test_its_ends_are_one_sided_at_the_plans_level():
    found = read(0.02)
    reach = stats.t.ppf(0.95, 50) * 0.01
    assert found.ci_high == pytest.approx(0.02 + reach, rel=1e-12)
    assert found.ci_low == pytest.approx(0.02 - reach, rel=1e-12)


@pytest.mark.parametrize(
    ("point", "state"), [(0.02, "safe"), (0.05, "undecided"), (0.08, "broken"), (-0.3, "safe")]
)
def test_safe_is_wholly_inside_and_broken_wholly_outside(point, state):
    assert read(point).state == state


def test_what_is_worse_follows_the_good_direction():
    assert read(-0.3, lower_is_better=False).state == "broken"
    assert read(-0.3, lower_is_better=False).worse_by == pytest.approx(0.3)
