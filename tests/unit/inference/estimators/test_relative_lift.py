"""Relative lift: its intervals satisfy their defining equations, also where arms go together."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.errors import NotEstimable
from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.estimators.relative_lift import relative_lift
from apologylab.inference.special import stdtrit


def means(covariance, values=(4.0, 5.0, 6.0)):
    v = np.array(covariance)
    return ArmMeans(
        outcome="spend",
        estimator="blocked",
        arms=("a", "b", "c"),
        n=np.array([50, 50, 50]),
        means=np.array(values),
        variances=np.diag(v)[None],
        freedom=np.array([[40.0]]),
        joint=v[None],
    )


TOGETHER = [[0.20, 0.12, 0.05], [0.12, 0.30, 0.02], [0.05, 0.02, 0.25]]
CONTRASTS = [(-1.0, 1.0, 0.0), (-0.5, -0.5, 1.0), (-1.0, 0.4, 0.6)]


@pytest.mark.parametrize("c", CONTRASTS)
def test_fiellers_ends_are_where_the_test_of_the_ratio_just_rejects(c):
    given, c = means(TOGETHER), np.array(c)
    found = relative_lift(given, c, alpha=0.05, kind="fieller")
    above, below = np.maximum(c, 0), np.maximum(-c, 0)
    t = stdtrit(40.0, 0.975)
    for lift in (found.low, found.high):
        weights = above - (1 + lift) * below
        square = (weights @ given.means) ** 2
        assert square == pytest.approx(t**2 * weights @ given.covariance @ weights, rel=1e-9)
    assert found.low < found.point < found.high
    assert found.point == pytest.approx(above @ given.means / (below @ given.means) - 1)


@pytest.mark.parametrize("kind", ["delta", "log", "fieller"])
@pytest.mark.parametrize("c", CONTRASTS)
def test_with_small_errors_all_intervals_are_one(kind, c):
    given, c = means(np.array(TOGETHER) * 1e-8), np.array(c)
    found = relative_lift(given, c, alpha=0.05, kind=kind)
    reach = stdtrit(40.0, 0.975) * found.std_error
    assert found.low == pytest.approx(found.point - reach, abs=reach * 1e-3)
    assert found.high == pytest.approx(found.point + reach, abs=reach * 1e-3)


def test_its_error_is_that_of_drawn_ratios():
    """By 400,000 draws of the arms' means: a standard error of 0.2%, held to 1.5%."""
    given = means(np.array(TOGETHER) / 100)
    drawn = np.random.default_rng(1).multivariate_normal(given.means, given.covariance, 400_000)
    found = relative_lift(given, np.array([-1.0, 1.0, 0.0]), alpha=0.05, kind="delta")
    assert found.std_error == pytest.approx((drawn[:, 1] / drawn[:, 0]).std(), rel=0.015)


def test_logs_interval_mirrors_when_the_sides_change():
    given = means(TOGETHER)
    one = relative_lift(given, np.array([-1.0, 1.0, 0.0]), alpha=0.05, kind="log")
    other = relative_lift(given, np.array([1.0, -1.0, 0.0]), alpha=0.05, kind="log")
    assert (1 + one.low) * (1 + other.high) == pytest.approx(1.0)
    assert one.p_value == pytest.approx(other.p_value)


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        ((0.0, 5.0, 6.0), "delta", "reference mean is 0"),
        ((0.5, 5.0, 6.0), "fieller", "not told from 0"),
        ((0.5, 5.0, 6.0), "delta", "not told from 0"),
        ((0.5, 5.0, 6.0), "log", "not told from 0"),
        ((-0.5, 0.0, 6.0), "delta", "not told from 0"),
        ((4.0, -5.0, 6.0), "log", "no logarithm"),
    ],
)
def test_what_has_no_interval_is_refused(values, kind, why):
    with pytest.raises(NotEstimable, match=why):
        relative_lift(means(TOGETHER, values), np.array([-1.0, 1.0, 0.0]), alpha=0.05, kind=kind)
