"""What a size can see: the smallest detectable effect, and the units that an effect needs."""

from __future__ import annotations

from math import ceil, inf, isfinite
from typing import Literal

from apologylab.errors import InputError
from apologylab.inference.special import nctdtr, ndtr, ndtri, stdtrit

POWER = 0.8
Side = Literal["two", "above", "below"]


def power_of(
    effect: float, std_error: float, *, alpha: float, df: float = inf, side: Side = "two"
) -> float:
    """The probability that a test finds ``effect``, if that is what the truth is.

    Student's t under the effect is noncentral, with noncentrality effect / SE (Cohen 1988,
    chapter 2); a test of two sides counts both, as R's pwr does with ``strict``.

    Args:
        effect: in the outcome's unit, above 0 or below.
        std_error: of the estimate, in the same unit.
        alpha: of the test.
        df: degrees of freedom of the error; infinite: the normal.
        side: where the test looks: at both sides, or for effects above or below 0 alone.

    >>> round(power_of(2.8016, 1.0, alpha=0.05), 4)
    0.8

    Raises:
        InputError: the error or df is not above 0, alpha not between 0 and 1, or no such side.
    """
    if not (isfinite(effect) and 0 < std_error < inf and df > 0 and 0 < alpha < 1):
        raise InputError(
            f"power of effect {effect}, error {std_error}, df {df}, alpha {alpha}",
            do="give a finite effect, an error and df above 0, and 0 < alpha < 1",
        )
    if side not in ("two", "above", "below"):
        raise InputError(f"there is no side {side!r}", do="write two, above or below")
    away = effect / std_error
    level = alpha / 2 if side == "two" else alpha
    found = {"above": _beyond(away, level, df), "below": _beyond(-away, level, df)}
    return found["above"] + found["below"] if side == "two" else found[side]


def _beyond(away: float, level: float, df: float) -> float:
    """P(T > t_{1-level}) of T about ``away``."""
    if not isfinite(df):
        return float(ndtr(away + ndtri(level)))
    return float(nctdtr(df, -away, stdtrit(df, level)))


def smallest_detectable(std_error: float, *, alpha: float, power: float = POWER) -> float:
    """The effect that a two-sided test at ``alpha`` finds with probability ``power``.

    (z_{1-alpha/2} + z_power) times the standard error, in the outcome's unit.

    >>> round(smallest_detectable(1.0, alpha=0.05), 4)
    2.8016

    Raises:
        InputError: the error is below 0, or alpha or power not between 0 and 1.
    """
    if not (std_error >= 0 and 0 < alpha < 1 and 0 < power < 1):
        raise InputError(
            f"effect seen with error {std_error}, alpha {alpha}, power {power}",
            do="give an error from 0 on, and probabilities between 0 and 1",
        )
    return float((ndtri(1 - alpha / 2) + ndtri(power)) * std_error)


def required_n(n: int, detectable: float, effect: float) -> int:
    """Units needed to see ``effect``, if ``n`` units in the same shares can see ``detectable``.

    The standard error falls with the square root of the units.

    >>> required_n(200_000, detectable=0.8, effect=0.4)
    800000

    Raises:
        InputError: the effect is 0: no size shows it; or a number is missing or infinite.
    """
    if effect == 0:
        raise InputError("no number of units shows an effect of 0", do="name the effect to see")
    if not (isfinite(detectable) and isfinite(effect)):
        raise InputError(f"units that see {effect}, from {detectable}", do="give finite numbers")
    return ceil(n * (detectable / effect) ** 2)
