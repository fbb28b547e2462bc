"""Smallest detectable effects against the definition of power."""

from __future__ import annotations

import pytest
from scipy import stats

from apologylab.errors import InputError
from apologylab.inference.power import power_of, required_n, smallest_detectable


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_an_effect_of_that_size_is_found_with_that_power(alpha: float, power: float) -> None:
    effect = smallest_detectable(2.0, alpha=alpha, power=power) / 2.0
    assert stats.norm.sf(stats.norm.isf(alpha / 2) - effect) == pytest.approx(power, abs=1e-12)


@pytest.mark.parametrize(
    ("cv", "arm_against_arm", "coupon"),
    [(1.0, 0.915, 0.457), (1.5, 1.372, 0.686), (2.0, 1.830, 0.915)],
)
def test_the_uber_design_sees_what_reference_md_says(
    cv: float, arm_against_arm: float, coupon: float
) -> None:
    """In per cent of the mean: 187,500 riders an arm; 750,000 a level of the coupon."""
    for n, expected in ((187_500, arm_against_arm), (750_000, coupon)):
        found = 100 * smallest_detectable(cv * (2 / n) ** 0.5, alpha=0.05)
        assert found == pytest.approx(expected, abs=6e-4)


def test_units_grow_with_the_square() -> None:
    assert required_n(200_000, detectable=0.8, effect=0.4) == 800_000
    assert required_n(200_000, detectable=0.8, effect=-0.8) == 200_000
    assert required_n(10, detectable=1.0, effect=3.0) == 2


def test_power_is_pwrs() -> None:
    """R's pwr, through statsmodels' test_power.py: one sample of 30 a deviation away from 0, and
    shares with h = 0.01 in samples of 80."""
    one = power_of(1.0, 30**-0.5, alpha=0.05, df=29)
    assert one == pytest.approx(0.9995636009612725, abs=1e-12)
    h, error = 0.01, (2 / 80) ** 0.5
    assert power_of(h, error, alpha=0.05) == pytest.approx(0.05045832927039234, abs=1e-12)
    above, below = (power_of(h, error, alpha=0.05, side=side) for side in ("above", "below"))
    assert above == pytest.approx(0.056869534873146124, abs=1e-12)
    assert below == pytest.approx(0.0438089705093578, abs=1e-12)


@pytest.mark.parametrize("df", [3.0, 17.5, 400.0])
@pytest.mark.parametrize("effect", [-2.0, 0.0, 0.7, 6.0])
def test_power_is_the_noncentral_ts(df: float, effect: float) -> None:
    t, d = stats.t.isf(0.01, df), stats.nct(df, effect / 0.9)
    found = power_of(effect, 0.9, alpha=0.02, df=df)
    assert found == pytest.approx(d.sf(t) + d.cdf(-t), abs=1e-9)


@pytest.mark.parametrize(
    "wrong", [{"std_error": 0.0}, {"effect": float("nan")}, {"alpha": 1.0}, {"df": 0.0}]
)
def test_power_of_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="power of effect"):
        power_of(**{"effect": 1.0, "std_error": 1.0, "alpha": 0.05, **wrong})
    with pytest.raises(InputError, match="no side"):
        power_of(1.0, 1.0, alpha=0.05, side="left")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"std_error": -1.0}, {"alpha": 0.0}, {"power": 1.0}])
def test_an_effect_that_nothing_sees_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="effect seen with"):
        smallest_detectable(**{"std_error": 1.0, "alpha": 0.05, **wrong})
    with pytest.raises(InputError, match="units that see"):
        required_n(10, detectable=float("nan"), effect=1.0)


def test_no_size_shows_an_effect_of_nothing() -> None:
    with pytest.raises(InputError, match="effect of 0"):
        required_n(10, detectable=1.0, effect=0.0)
