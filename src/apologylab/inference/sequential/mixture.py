r"""Intervals and p-values that hold at every moment at once: normal-mixture boundaries.

For a sum S of variance V under "no effect", the likelihood ratio against N(0, 1/rho)-mixed drifts

    M = sqrt(rho / (V + rho)) exp(S^2 / (2 (V + rho)))                              (two-sided)

is a martingale that starts at 1, so it ever passes 1/alpha with probability at most alpha (Ville).
Solved for S that is a boundary which holds at all V together:

    |S| < sqrt((V + rho) log((V + rho) / (rho alpha^2))).

Sources: Robbins 1970 (Annals of Mathematical Statistics 41); Howard, Ramdas, McAuliffe and Sekhon
2021 (Annals of Statistics 49), propositions 5 and 6 and section 3.5 for rho. That it holds for
means of any distribution with the variance estimated, as the count grows: Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas 2024 (Annals of Statistics 52), theorem 2.2, where rho^2 is our 1/rho.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.special import log_ndtr

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


def best_rho(v: float, alpha: float) -> float:
    """The rho whose two-sided boundary is near its tightest where the variance is ``v``.

    v / (2 log(1/alpha) + log(1 + 2 log(1/alpha))); for one side ask with twice the alpha.

    >>> round(best_rho(100, 0.05), 5)
    12.60056
    """
    if not v > 0 or not 0 < alpha < 1:
        raise InputError(f"rho for a variance of {v} at alpha {alpha}", do="give v > 0, 0 < a < 1")
    deep = -2 * np.log(alpha)
    return float(v / (deep + np.log1p(deep)))


def log_mixture(s: Floats | float, v: Floats | float, rho: float, *, sides: int = 2) -> Floats:
    """log M at sum ``s`` and variance ``v``; one-sided against drifts above 0 alone.

    >>> round(float(log_mixture(10, 100, best_rho(100, 0.05))), 7)
    -0.6510052

    Raises:
        InputError: a variance is below 0, rho is not above 0, or something is missing.
    """
    s, v = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
    if not (rho > 0 and (v >= 0).all()) or np.isnan(s).any():
        raise InputError(
            f"a mixture at sum {s}, variance {v} and rho {rho}", do="give v >= 0 and rho > 0"
        )
    grown = 0.5 * np.log(rho / (v + rho)) + np.square(s) / (2 * (v + rho))
    if sides == 1:
        grown = grown + np.log(2) + log_ndtr(s / np.sqrt(v + rho))
    return np.asarray(grown)


def mixture_bound(v: float, rho: float, alpha: float, *, sides: int = 2) -> float:
    """What the sum passes at any time with probability at most ``alpha``, at variance ``v``.

    >>> rho = best_rho(100, 0.05)
    >>> round(mixture_bound(100, rho, 0.05), 5)
    30.35209

    Raises:
        InputError: there are not v >= 0, rho > 0 and alpha between 0 and 1.
    """
    if not (v >= 0 and rho > 0 and 0 < alpha < 1):
        raise InputError(
            f"a bound at variance {v}, rho {rho} and alpha {alpha}",
            do="give v >= 0, rho > 0, 0 < a < 1",
        )
    both = float(np.sqrt((v + rho) * (np.log((v + rho) / rho) - 2 * np.log(alpha))))
    if sides == 2:
        return both
    # One side has twice the mixture above 0, so its boundary lies below that of two sides.
    low, high, goal = 0.0, both, -np.log(alpha)
    for _ in range(200):
        middle = (low + high) / 2
        above = float(log_mixture(middle, v, rho, sides=1)) >= goal
        low, high = (low, middle) if above else (middle, high)
    return high


def critical(n: float, rho: float, alpha: float, *, sides: int = 2) -> float:
    """The same as a critical value of Z = estimate / SE after ``n`` units; rho in units too.

    Half-width = critical * SE; the interval estimate -+ half-width at every n is an asymptotic
    confidence sequence, equation (8) of Waudby-Smith and others with t = n.

    >>> round(critical(5000, best_rho(5000, 0.05), 0.05), 4)
    3.0352

    Raises:
        InputError: there are no units, or what :func:`mixture_bound` refuses.
    """
    if not n > 0:
        raise InputError(f"an interval after {n} units", do="wait for the first")
    return mixture_bound(n, rho, alpha, sides=sides) / float(np.sqrt(n))


def always_valid_p(z: Floats | float, n: Floats | float, rho: float) -> Floats:
    """The least alpha whose two-sided interval after ``n`` units leaves 0 out: min(1, 1/M).

    Whatever stops the experiment, P(it is ever <= a) <= a under "no effect" (Johari, Koomen,
    Pekelis and Walsh 2022, Operations Research 70).

    Args:
        z: estimate / SE, any shape.
        n: units, broadcast with z.
        rho: fixed before the first look.

    >>> rho = best_rho(5000, 0.05)
    >>> round(float(always_valid_p(critical(800, rho, 0.01), 800, rho)), 10)
    0.01
    """
    n = np.asarray(n, dtype=np.float64)
    return np.minimum(1.0, np.exp(-log_mixture(np.asarray(z) * np.sqrt(n), n, rho)))
