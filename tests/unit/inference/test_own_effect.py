"""The effect of a second draw, against least squares by statsmodels and in simulation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.inference.arrays import panel
from apologylab.inference.own_effect import own_effects


def a_panel(rng, n=900, effect=0.0):
    arm = rng.integers(0, 3, n)
    drawn = (rng.random(n) < 0.3).astype(float)
    y = 5.0 + arm + effect * drawn + rng.gamma(2.0, 2.0, n)
    names = np.array(["silence", "sorry", "usd5"])[arm]
    return panel({"spend": y, "surveyed": drawn}, arm=list(names)), arm, drawn, y


def test_it_is_the_share_weighted_difference_within_arms():
    """Per arm, statsmodels' HC2 of y on the indicator is Neyman's variance."""
    source, arm, drawn, y = a_panel(np.random.default_rng(5), effect=0.7)
    (found,) = own_effects(source, ["spend"], "surveyed", alpha=0.05)
    point = variance = 0.0
    for level in range(3):
        mine = arm == level
        fit = sm.OLS(y[mine], sm.add_constant(drawn[mine])).fit(cov_type="HC2")
        share = mine.mean()
        point += share * fit.params[1]
        variance += share**2 * fit.cov_params()[1, 1]
    assert found.point == pytest.approx(point, rel=1e-10)
    assert found.std_error == pytest.approx(variance**0.5, rel=1e-10)
    assert found.n_drawn == drawn.sum()
    assert found.n_drawn + found.n_others == len(y)
    assert found.ci_high - found.ci_low == pytest.approx(2 * 1.959964 * found.std_error, rel=1e-6)


def test_units_without_the_outcome_or_the_draw_are_left_out():
    rng = np.random.default_rng(6)
    n = 400
    arm = np.array(["a", "b"])[rng.integers(0, 2, n)]
    drawn = (rng.random(n) < 0.5).astype(float)
    y = rng.normal(size=n)
    y[:37] = np.nan
    (found,) = own_effects(
        panel({"y": y, "surveyed": drawn}, arm=list(arm)), ["y"], "surveyed", alpha=0.05
    )
    assert found.n_drawn + found.n_others == n - 37
    late = drawn.copy()
    late[arm == "b"] = np.nan
    (part,) = own_effects(
        panel({"y": y, "surveyed": late}, arm=list(arm)), ["y"], "surveyed", alpha=0.05
    )
    assert part.n_drawn + part.n_others == np.count_nonzero((arm == "a") & ~np.isnan(y))


def test_nothing_is_said_of_an_outcome_that_does_not_vary_or_a_side_without_units():
    arm = np.array(["a"] * 20)
    drawn = np.array([1.0] * 10 + [0.0] * 10)
    assert (
        own_effects(panel({"y": np.ones(20), "s": drawn}, arm=list(arm)), ["y"], "s", alpha=0.05)
        == ()
    )
    nobody = np.zeros(20)
    y = np.arange(20.0)
    assert own_effects(panel({"y": y, "s": nobody}, arm=list(arm)), ["y"], "s", alpha=0.05) == ()


def test_its_interval_covers():
    """500 replications: coverage of 95% within four Monte Carlo errors (false alarm 6e-5)."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(500):
        source, *_ = a_panel(rng, n=300, effect=0.5)
        (found,) = own_effects(source, ["spend"], "surveyed", alpha=0.05)
        held += found.ci_low <= 0.5 <= found.ci_high
    assert abs(held / 500 - 0.95) < 4 * (0.95 * 0.05 / 500) ** 0.5
