"""What a size can see: the smallest detectable effect, and the units that an effect needs."""

from __future__ import annotations

from math import ceil

from apologylab.errors import InputError
from apologylab.inference.special import ndtri

POWER = 0.8


def smallest_detectable(std_error: float, *, alpha: float, power: float = POWER) -> float:
    """The effect that a two-sided test at ``alpha`` finds with probability ``power``.

    (z_{1-alpha/2} + z_power) times the standard error, in the outcome's unit.

    >>> round(smallest_detectable(1.0, alpha=0.05), 4)
    2.8016
    """
    return float((ndtri(1 - alpha / 2) + ndtri(power)) * std_error)


def required_n(n: int, detectable: float, effect: float) -> int:
    """Units needed to see ``effect``, if ``n`` units in the same shares can see ``detectable``.

    The standard error falls with the square root of the units.

    >>> required_n(200_000, detectable=0.8, effect=0.4)
    800000

    Raises:
        InputError: the effect is 0: no size shows it.
    """
    if effect == 0:
        raise InputError("no number of units shows an effect of 0", do="name the effect to see")
    return ceil(n * (detectable / effect) ** 2)
