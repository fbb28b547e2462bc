"""p-values and intervals that hold at every look of a group-sequential test together.

At look k a test at ``alpha`` rejects where |Z_k| > c_k(alpha), the boundary of its spending
function. The *repeated interval* is  estimate -+ c_k(alpha) SE_k,  and the *repeated p* is the
least alpha at which look k would reject: so both agree by construction (R30), hold at all looks
together whatever stops the experiment, and

    P(repeated p <= a at some look) <= a      under "no effect",

so that Holm's and Bonferroni's adjustments of it are as valid as of any p.

Sources: Jennison and Turnbull 1989 (JRSS B 51), and 2000 chapter 9; Liu and Anderson 2008 (JASA
103) for sequential p-values; Maurer and Bretz 2013 (Statistics in Biopharmaceutical Research 5)
for Bonferroni and Holm over them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.sequential.boundaries import boundaries
from apologylab.inference.special import log_ndtr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.inference.sequential.spending import Spending

LARGEST = 0.6
"""Above this p is given as 1: beyond it the O'Brien-Fleming function does not spend in order."""


@lru_cache(maxsize=65_536)
def boundary(
    information: tuple[float, ...],
    share: tuple[float, ...],
    spending: Spending,
    alpha: float,
    sides: int = 2,
) -> float:
    """c_k(alpha) of the last look.

    Args:
        information: (k,) of this look and those before it: 1 / Var of the estimate.
        share: (k,) of the final information, as it was forecast at each look; it says what each
            look spends, and need not be proportional to ``information``.
        spending: of alpha.
        alpha: of all looks together.
        sides: 1 or 2.
    """
    spent = spending.spent(np.maximum.accumulate(share), alpha, sides=sides)
    return float(boundaries(information, spent, sides=sides, estimated=True)[-1])


def repeated_p(
    z: float, information: Sequence[float], share: Sequence[float], spending: Spending
) -> float:
    """The least alpha at which the last look rejects, two-sided.

    Args:
        z: estimate / SE at the last look.
        information: as for :func:`boundary`.
        share: as for :func:`boundary`.
        spending: of alpha.

    A single look is the fixed test; an interim look at half the information asks for more:

    >>> from apologylab.inference.sequential.spending import Spending
    >>> round(repeated_p(1.959964, [1.0], [1.0], Spending()), 6)
    0.05
    >>> round(repeated_p(2.7965, [1.0], [0.5], Spending(shape="kim_demets", power=3.0)), 4)
    0.0413
    """
    taken, planned = tuple(information), tuple(share)
    target = float(log_ndtr(-abs(z)))
    if len(taken) == 1 and planned[0] >= 1:
        return float(2 * np.exp(target))

    def off(log_alpha: float) -> float:
        bound = boundary(taken, planned, spending, float(np.exp(log_alpha)))
        return float(log_ndtr(-bound)) - target

    high = float(np.log(LARGEST))
    low = min(target + float(np.log(2)), high)
    if off(high) <= 0:
        return 1.0
    return float(np.exp(_root(off, low, high)))


def _root(off: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a rising function between two points, by the Illinois method.

    ``off(high)`` is above 0. Of -inf, where nothing is spent yet, the middle is taken.
    """
    at_low, at_high = off(low), off(high)
    if at_low >= 0:
        return low
    side = 0
    for _ in range(200):
        flat = not np.isfinite(at_low)
        middle = (low + high) / 2 if flat else high - at_high * (high - low) / (at_high - at_low)
        here = off(middle)
        if abs(here) < 1e-11 or high - low < 1e-12:
            return middle
        if here < 0:
            at_high, side = (at_high / 2 if side == -1 else at_high), -1
            low, at_low = middle, here
        else:
            at_low, side = (at_low / 2 if side == 1 else at_low), 1
            high, at_high = middle, here
    return high
