"""At which margin, and at which value of what is given, an arm would just pay for itself.

v = m S - C per unit: S the sales, m the margin, C the costs, of which R is what was redeemed, with
what is still open of it as the value counts it. An arm's difference from the reference is
d = m dS - dC. Customers are taken to behave as observed: the further a break-even lies from what
was tried, the less it can be trusted.
"""

from __future__ import annotations

ROUNDING = 1e-9
"""Costs below this share of what sales bring are rounding, not costs."""


def break_even_margin(*, value: float, sales: float, margin: float) -> float | None:
    """The m at which d is 0: dC / dS. None where sales do not rise, so that none would do.

    >>> break_even_margin(value=-0.5, sales=2.0, margin=0.25)
    0.5
    >>> break_even_margin(value=0.3 * 0.77 + 1e-16, sales=0.77, margin=0.3)
    0.0
    """
    if sales <= 0:
        return None
    costs = margin * sales - value
    return costs / sales if costs > ROUNDING * abs(margin * sales) else 0.0


def break_even_compensation(*, value: float, redeemed: float, face: float) -> float | None:
    """The face value at which d is 0, what is redeemed of it changing in proportion.

    None where nothing more is redeemed than in the reference, or where the arm loses without it.

    >>> break_even_compensation(value=-0.5, redeemed=1.0, face=5.0)
    2.5
    """
    if redeemed <= 0 or value + redeemed < 0:
        return None
    return face * (value + redeemed) / redeemed
