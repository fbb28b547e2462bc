"""Adjusted p-values and simultaneous intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.errors import NotEstimable
from apologylab.inference.arm_means import ArmMeans, Reading
from apologylab.inference.many.p_values import holm
from apologylab.inference.multiplicity import bounds, p_value, simultaneous

ARMS = ("silence", "a", "b", "c")


def means(*, df: float | None = None) -> ArmMeans:
    return ArmMeans(
        outcome="value",
        estimator="lin",
        arms=ARMS,
        n=np.array([100, 100, 100, 100]),
        means=np.array([1.0, 1.5, 0.8, 1.0]),
        variances=np.array([[0.01, 0.02, 0.01, 0.03]]),
        freedom=np.full((1, 4), 99.0),
        df=df,
    )


def test_holm_answers_in_the_order_given_and_never_decreases_with_p() -> None:
    p = [0.02, 0.001, 0.3, 0.02]
    adjusted = holm(p)
    assert adjusted.tolist() == [0.06, 0.004, 0.3, 0.06]
    assert holm([]).tolist() == []


def test_p_and_interval_are_of_one_distribution() -> None:
    """The interval at level 1 - p ends at 0 exactly."""
    for df in (1.0, 3.7, 88.0, 1e6):
        reading = Reading(point=-0.8, std_error=0.3, df=df, reference_mean=1.0)
        low, high = bounds(reading, p_value(reading))
        assert low < high
        assert high == pytest.approx(0, abs=1e-9)
        assert p_value(reading) == pytest.approx(2 * stats.t.sf(0.8 / 0.3, df), rel=1e-12)


def test_a_tiny_p_keeps_its_digits() -> None:
    reading = Reading(point=22.6, std_error=1.0, df=40593.7, reference_mean=0.0)
    assert p_value(reading) == pytest.approx(2 * stats.t.sf(22.6, 40593.7), rel=1e-9)
    assert 0 < p_value(reading) < 1e-100


def test_simultaneous_intervals_are_bonferronis_over_the_whole_family() -> None:
    arms = against(ARMS, "silence")
    intervals = simultaneous(means(df=300.0), arms[:2], alpha=0.05, of=3)
    reach = stats.t.ppf(1 - 0.05 / 6, 300) * np.sqrt([0.03, 0.02])
    np.testing.assert_allclose([i.high - i.point for i in intervals], reach, rtol=1e-12)
    np.testing.assert_allclose([i.point - i.low for i in intervals], reach, rtol=1e-12)
    assert [i.point for i in intervals] == pytest.approx([0.5, -0.2])
    assert {i.level for i in intervals} == {0.95}
    assert intervals[0].kind == "simultaneous over 3 (Bonferroni)"


def test_one_arm_alone_needs_no_correction() -> None:
    arm = against(ARMS[:2], "silence")
    (interval,) = simultaneous(means(), arm, alpha=0.05, of=1)
    assert interval.kind == "pointwise"
    assert (interval.low, interval.high) == bounds(means().read(arm[0]), 0.05)


def test_an_arm_without_a_mean_is_refused() -> None:
    with pytest.raises(NotEstimable, match="gone has no estimated mean"):
        simultaneous(means(), against(["gone"], "silence"), alpha=0.05, of=1)
