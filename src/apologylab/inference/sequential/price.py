"""The price of peeking: how many more units a plan with looks needs for the same power.

A fixed test finds the effect theta with power 1 - b when theta sqrt(I) = z_{1-a/2} + z_{1-b}.
With looks the last boundary is higher, so the information must be larger: the ratio is the
*inflation* (Jennison and Turnbull 2000, tables 2.2 and 2.4). Against it stands what looks save: an
effect as large as planned is often found early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.power import POWER
from apologylab.inference.sequential.boundaries import boundaries, crossing
from apologylab.inference.sequential.mixture import best_rho, critical
from apologylab.inference.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.sequential.spending import Spending
    from apologylab.inference.sequential.watch import Method


class Price(NamedTuple):
    """Units at the end, and on average where the effect is as planned, over a fixed test's."""

    inflation: float
    expected: float


def group_sequential_price(
    share: Sequence[float],
    spending: Spending,
    alpha: float,
    *,
    sides: int = 2,
    power: float = POWER,
) -> Price:
    """Of looks at ``share`` (K,) of the final information, the last of them 1.

    >>> from apologylab.inference.sequential.spending import Spending
    >>> price = group_sequential_price([0.25, 0.5, 0.75, 1], Spending(), 0.05)
    >>> round(price.inflation, 4), round(price.expected, 2)
    (1.0196, 0.84)

    Raises:
        InputError: the power is not above alpha and below 1, or the last look not at the end.
    """
    _refuse(power, alpha)
    t = np.asarray(share, dtype=np.float64)
    if t[-1] != 1:
        raise InputError(f"the last look is at {t[-1]:g} of the end", do="let it be at 1")
    bounds = boundaries(t, spending.spent(t, alpha, sides=sides), sides=sides)
    fixed = float(ndtri(1 - alpha / sides) + ndtri(power))
    low, high = fixed * 0.9, fixed * 4
    for _ in range(60):
        middle = (low + high) / 2
        weak = crossing(t, bounds, drift=middle, sides=sides).sum() < power
        low, high = (middle, high) if weak else (low, middle)
    crossed = crossing(t, bounds, drift=high, sides=sides)
    inflation = (high / fixed) ** 2
    stopped = float(crossed[:-1] @ t[:-1]) + (1 - float(crossed[:-1].sum()))
    return Price(inflation, inflation * stopped)


def _refuse(power: float, alpha: float) -> None:
    if not alpha < power < 1:
        raise InputError(
            f"power {power} at alpha {alpha}", do="ask for more than alpha and less than 1"
        )


def confidence_sequence_price(alpha: float, *, power: float = POWER) -> float:
    """Inflation of a confidence sequence, tuned to the end and read there.

    The power to have found the effect by the end is higher than the power at the end that this
    counts, so the price is an upper bound.

    >>> round(confidence_sequence_price(0.05), 3)
    1.915

    Raises:
        InputError: the power is not above alpha and below 1.
    """
    _refuse(power, alpha)
    fixed = float(ndtri(1 - alpha / 2) + ndtri(power))
    bound = critical(1.0, best_rho(1.0, alpha), alpha)
    return ((bound + float(ndtri(power))) / fixed) ** 2


class Looks(NamedTuple):
    """What a plan of looks costs, look by look where their number is meant.

    ``shares`` (K,) of the final information, equally spaced; ``critical`` (K,) values of Z and
    ``spent`` (K,) of alpha by then. Empty for a confidence sequence, which has no number of looks.
    """

    inflation: float
    expected: float | None
    shares: tuple[float, ...] = ()
    critical: tuple[float, ...] = ()
    spent: tuple[float, ...] = ()


def looks_of(
    method: Method, *, alpha: float, spending: Spending, looks: int | None = None
) -> Looks:
    """The price of a plan's looks, as ``check`` shows it before the start.

    >>> from apologylab.inference.sequential.spending import Spending
    >>> plan = looks_of("group_sequential", alpha=0.05, spending=Spending(), looks=2)
    >>> [round(each, 3) for each in plan.critical], round(plan.inflation, 3)
    ([2.963, 1.969], 1.004)
    """
    if method == "confidence_sequence" or looks is None:
        return Looks(confidence_sequence_price(alpha), None)
    share = np.arange(1, looks + 1) / looks
    spent = spending.spent(share, alpha)
    price = group_sequential_price(share.tolist(), spending, alpha)
    return Looks(
        price.inflation,
        price.expected,
        tuple(share.tolist()),
        tuple(boundaries(share, spent).tolist()),
        tuple(spent.tolist()),
    )
