"""Checks of the experiment: their statistics, their words, and when they say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from apologylab.errors import InputError
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.checks import attrition, balance, balance_request, sample_ratio
from apologylab.inference.moments import Moments
from apologylab.inference.results import Check

EQUAL = {1: {"a": 1, "b": 1, "c": 1}}


def test_sample_ratio_is_pearsons_chi_square() -> None:
    counts = {"a": 1_050, "b": 480, "c": 520}
    check = sample_ratio("srm", {1: counts}, {1: {"a": 2, "b": 1, "c": 1}})
    expected = stats.chisquare(list(counts.values()), [1_025, 512.5, 512.5])
    assert check.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert check.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    assert check.passed is True
    assert "fails below 0.001" in check.says


def test_phases_are_compared_with_their_own_weights() -> None:
    """A ramp pooled over phases looks lopsided; by phase it is what was planned (R26)."""
    counts = {1: {"a": 900, "b": 100}, 2: {"a": 520, "b": 480}}
    weights = {1: {"a": 9, "b": 1}, 2: {"a": 1, "b": 1}}
    check = sample_ratio("srm", counts, weights)
    parts = [stats.chisquare([900, 100], [900, 100]), stats.chisquare([520, 480], [500, 500])]
    assert check.statistic == pytest.approx(sum(part.statistic for part in parts))
    assert check.p_value == pytest.approx(stats.chi2.sf(1.6, 2))


def test_a_phase_without_units_adds_nothing() -> None:
    one = sample_ratio("srm", {1: {"a": 12, "b": 8}}, {1: {"a": 1, "b": 1}})
    two = sample_ratio("srm", {1: {"a": 12, "b": 8}}, {1: {"a": 1, "b": 1}, 2: {"a": 1, "b": 3}})
    assert two == one


def test_units_where_none_are_drawn_fail_the_check() -> None:
    for counts in ({1: {"a": 50, "b": 50, "c": 3}}, {1: {"a": 50, "b": 50}, 3: {"a": 3}}):
        check = sample_ratio("srm", counts, {1: {"a": 1, "b": 1, "c": 0}})
        assert check.passed is False
        assert check.p_value == 0
        assert check.statistic == 3
        assert "3 in" in check.says


@pytest.mark.parametrize("counts", [{}, {1: {}}, {1: {"a": 0, "b": 0, "c": 0}}])
def test_no_units_say_nothing(counts: dict[int, dict[str, int]]) -> None:
    check = sample_ratio("srm", counts, EQUAL)
    assert check.passed is None
    assert check.p_value is None


def test_attrition_is_the_chi_square_of_homogeneity() -> None:
    check = attrition("spend", {1: {"a": 400, "b": 600}}, {1: {"a": 380, "b": 540}})
    expected = stats.chi2_contingency([[20, 380], [60, 540]], correction=False)
    assert check.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert check.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    assert "80 units lack it" in check.says


def test_attrition_that_differs_by_arm_fails() -> None:
    check = attrition("spend", {1: {"a": 4_000, "b": 4_000}}, {1: {"a": 3_900, "b": 3_600}})
    assert check.passed is False
    assert "do not agree" in check.says


def test_nobody_missing_passes_without_a_p() -> None:
    check = attrition("spend", {1: {"a": 4, "b": 6}}, {1: {"a": 4, "b": 6}})
    assert (check.passed, check.p_value) == (True, None)


def test_everybody_missing_says_nothing() -> None:
    assert attrition("spend", {1: {"a": 4, "b": 6}}, {}).passed is None


def test_more_analysed_than_assigned_is_refused() -> None:
    with pytest.raises(InputError, match="phase 1 has more units"):
        attrition("spend", {1: {"a": 4}}, {1: {"a": 5}})


def moments(columns: dict[str, np.ndarray], **keys: list[object]) -> Moments:
    source: ArraySource = panel(columns, **keys)  # type: ignore[arg-type]
    return source.moments([balance_request(tuple(columns))])[0]


def random_columns(seed: int, n: int) -> tuple[dict[str, np.ndarray], list[str]]:
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=n)
    return {"x": x, "z": x + rng.normal(size=n), "u": rng.uniform(size=n)}, rng.choice(
        ["a", "b", "c"], n
    ).tolist()


def test_balance_is_pillais_trace_of_the_units() -> None:
    """(n - 1) tr[B T^-1] from the rows themselves, B between arms and T total."""
    columns, arm = random_columns(1, 400)
    rows = np.stack(list(columns.values()), axis=1)
    d = rows - rows.mean(axis=0)
    between = sum(
        np.sum(mine) * np.outer(d[mine].mean(axis=0), d[mine].mean(axis=0))
        for level in "abc"
        for mine in [np.array(arm) == level]
    )
    expected = 399 * np.trace(between @ np.linalg.inv(d.T @ d))
    check = balance(moments(columns, arm=arm))
    assert check.statistic == pytest.approx(expected, rel=1e-10)
    assert check.p_value == pytest.approx(stats.chi2.sf(expected, 6), rel=1e-9)


def test_for_two_arms_and_one_covariate_it_is_the_permutation_variance() -> None:
    columns, _ = random_columns(2, 200)
    x, arm = columns["x"], (["a"] * 80 + ["b"] * 120)
    difference = x[:80].mean() - x[80:].mean()
    variance = x.var(ddof=1) * (1 / 80 + 1 / 120)
    check = balance(moments({"x": x}, arm=arm))
    assert check.statistic == pytest.approx(difference**2 / variance, rel=1e-10)


def test_a_covariate_said_twice_changes_nothing() -> None:
    columns, arm = random_columns(3, 300)
    once = balance(moments(columns, arm=arm))
    twice = balance(
        moments({**columns, "again": 1e6 * columns["x"], "flat": np.ones(300)}, arm=arm)
    )
    assert twice.statistic == pytest.approx(once.statistic, rel=1e-6)
    assert twice.p_value == pytest.approx(once.p_value, rel=1e-6)


def test_phases_are_balanced_within() -> None:
    """A trend between phases is not imbalance."""
    columns, _ = random_columns(4, 600)
    shares = ["a"] * 280 + ["b"] * 20 + ["a"] * 150 + ["b"] * 150
    trend = {"x": columns["x"] + np.repeat([0.0, 50.0], 300)}
    phase = [1] * 300 + [2] * 300
    assert balance(moments(trend, arm=shares, phase=phase)).passed is True
    assert balance(moments(trend, arm=shares)).passed is False


def test_a_draw_that_follows_a_covariate_fails() -> None:
    columns, _ = random_columns(5, 600)
    arm = np.where(columns["u"] > 0.55, "a", "b").tolist()
    check = balance(moments(columns, arm=arm))
    assert check.passed is False
    assert "do not agree with a random draw" in check.says


@pytest.mark.parametrize(
    "check",
    [
        balance(moments({"x": np.arange(4.0), "z": np.array([1, np.nan, 2, 3])}, arm=list("aabb"))),
        balance(moments({"x": np.ones(4)}, arm=list("aabb"))),
        balance(moments({"x": np.arange(4.0)}, arm=list("aaaa"))),
    ],
)
def test_balance_says_nothing_rather_than_pass(check: Check) -> None:
    assert check.passed is None
    assert check.p_value is None
    assert check.says.startswith("says nothing")
