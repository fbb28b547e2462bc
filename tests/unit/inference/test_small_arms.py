"""Lin's degrees of freedom are the regression's: where they flatter a small arm, a row says so."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.results import Estimate

ARMS = ("none", "note", "coupon")


def rows(few: int, *, seed: int = 3) -> dict[str, Estimate]:
    """``few`` units of the coupon's arm beside 200 of each other."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(ARMS, (200, 200, few))
    x = rng.normal(size=len(arm))
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "none"),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned={},
        covariates=("x",),
        estimators=("lin",),
    )
    source = panel({"y": x + rng.normal(size=len(arm)), "x": x}, arm=arm.tolist())
    return {each.treatment: each for each in estimates(fit(source, question), question)[0]}


def test_a_small_arm_is_told_beside_its_own_contrast_alone() -> None:
    """By simulation of 400 experiments of 5 beside 200 the interval covers 86%."""
    found = rows(5)
    said = str(dict(found["coupon"].details)["WARNING"])
    assert "where the regression counts 399" in said
    assert "read difference_in_means" in said
    assert found["note"].details == ()


@pytest.mark.parametrize("seed", range(5))
def test_arms_of_fifty_are_not_told(seed: int) -> None:
    assert all(row.details == () for row in rows(50, seed=seed).values())
