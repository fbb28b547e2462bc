"""Smallest detectable effects against the definition of power."""

from __future__ import annotations

import pytest
from scipy import stats

from apologylab.errors import InputError
from apologylab.inference.power import required_n, smallest_detectable


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


def test_no_size_shows_an_effect_of_nothing() -> None:
    with pytest.raises(InputError, match="effect of 0"):
        required_n(10, detectable=1.0, effect=0.0)
