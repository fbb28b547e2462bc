"""Quantiles of arms with density-free intervals, and their contrasts.

Let F_a be the share of units of arm a at or below a value, q_a = min {y : F_a(y) >= p} its
p-quantile, and m_a the units it rests on. The interval of q_a inverts the binomial test of
P(Y <= y) = p, so no density is estimated:

    low_a  = min {y : P(B <= m F_a(y)) >= alpha/2},
    high_a = max {y : P(B >= m F_a(y-)) >= alpha/2},      B ~ Binomial(m_a, p).

With one block these are the order statistics of the sign test, and cover at least 1 - alpha at any
sample size. Under post-stratification F_a = sum_b (n_b / n) F_ab, and m_a is the number of units
that would give F_a(q_a) the same variance, p (1 - p) / V (Woodruff 1952; Korn and Graubard 1998);
the binomial probabilities are then incomplete beta functions.

A contrast sum_a c_a q_a recovers its variance from the arms' own limits (Zou and Donner 2008): with
l_a the end of arm a that lowers the contrast,

    low = sum_a c_a q_a - sqrt(sum_a c_a^2 (q_a - l_a)^2),

and high alike. p is the alpha at which an end reaches 0.

At an atom there is no answer: where one value holds more units than the sampling error of the rank
(half the binomial interval's width about p), the quantile sits on that value or jumps off it.

Sources: Thompson 1936 (Annals of Mathematical Statistics 7) for the order statistics; Woodruff 1952
(JASA 47); Korn and Graubard 1998 (Survey Methodology 24); Zou and Donner 2008 (Statistics in
Medicine 27), equation 15.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.special import betainc, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats

SURE = 1e-9
"""Least p that is told apart from 0."""


class Distribution(NamedTuple):
    """One arm: distinct values (m,) ascending, the share of units at or below each (m,), size.

    ``size`` is the number of units, or what stands for it under post-stratification.
    """

    value: Floats
    upto: Floats
    size: float


class Limits(NamedTuple):
    """An interval's two ends; an end that the sample does not reach is infinite."""

    low: float
    high: float


def point(arm: Distribution, p: float) -> float:
    """The p-quantile: the least value with at least a share p at or below it.

    >>> point(Distribution(np.array([1.0, 2.0, 9.0]), np.array([0.2, 0.5, 1.0]), 10), 0.5)
    2.0
    """
    return float(arm.value[_place(arm, p)])


def _place(arm: Distribution, p: float) -> int:
    return min(int(np.searchsorted(arm.upto, p - 1e-12)), len(arm.upto) - 1)


def limits(arm: Distribution, p: float, alpha: float) -> Limits:
    """The interval of the p-quantile at level 1 - alpha.

    >>> ten = Distribution(np.arange(1.0, 11.0), np.arange(1, 11) / 10, 10)
    >>> limits(ten, 0.5, 0.05)
    Limits(low=2.0, high=9.0)
    """
    m, size = len(arm.value), arm.size
    below = np.append(0.0, arm.upto[:-1])

    def is_low(i: int) -> bool:
        return _at_most(arm.upto[i] * size, size, p) >= alpha / 2

    def is_beyond(i: int) -> bool:
        return 1 - _at_most(below[i] * size - 1, size, p) < alpha / 2

    if _at_most(0.0, size, p) >= alpha / 2:
        low = -np.inf
    else:
        low = float(arm.value[bisect_left(range(m), True, key=is_low)])
    if _at_most(size - 1, size, p) <= 1 - alpha / 2:
        high = np.inf
    else:
        high = float(arm.value[bisect_left(range(m), True, key=is_beyond) - 1])
    return Limits(low, high)


def _at_most(k: float, n: float, p: float) -> float:
    """P(B <= k) for B ~ Binomial(n, p), with k and n continued to all numbers."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else float(betainc(n - k, k + 1, 1 - p))


def atom(arm: Distribution, p: float, alpha: float) -> tuple[float, float] | None:
    """The value at the p-quantile and its share, where the share is too large for an answer.

    >>> arm = Distribution(np.array([0.0, 3.0, 4.0]), np.array([0.7, 0.85, 1.0]), 400)
    >>> atom(arm, 0.5, 0.05)
    (0.0, 0.7)
    """
    at = _place(arm, p)
    share = float(arm.upto[at] - (arm.upto[at - 1] if at else 0.0))
    reach = -float(ndtri(alpha / 2)) * (p * (1 - p) / arm.size) ** 0.5
    return (float(arm.value[at]), share) if share > reach else None


def contrast(points: Sequence[float], ends: Sequence[Limits], weights: Sequence[float]) -> Limits:
    """The interval of sum_a c_a q_a from each arm's own (Zou and Donner 2008).

    >>> contrast([5.0, 3.0], [Limits(1.0, 8.0), Limits(0.0, 7.0)], [1.0, -1.0])
    Limits(low=-3.6568542494923806, high=6.242640687119285)
    """
    c, q = np.asarray(weights), np.asarray(points)
    low, high = (np.array([end[side] for end in ends]) for side in (0, 1))
    middle = float(c @ q)
    down = c * (q - np.where(c > 0, low, high))
    up = c * (np.where(c > 0, high, low) - q)
    used = c != 0
    return Limits(
        middle - float(np.square(down[used]).sum() ** 0.5),
        middle + float(np.square(up[used]).sum() ** 0.5),
    )


def p_value(arms: Sequence[Distribution], weights: Sequence[float], p: float) -> float:
    """Two-sided p of "the contrast is 0": the least alpha whose interval leaves 0 out."""
    points = [point(arm, p) for arm in arms]

    def holds(alpha: float) -> bool:
        low, high = contrast(points, [limits(arm, p, alpha) for arm in arms], weights)
        return low <= 0 <= high

    if holds(SURE):
        inside, outside = SURE, 1.0
        while outside - inside > 1e-4 * inside:
            middle = (inside * outside) ** 0.5
            inside, outside = (middle, outside) if holds(middle) else (inside, middle)
        return outside
    return SURE
