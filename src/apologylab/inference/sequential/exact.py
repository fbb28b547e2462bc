r"""Intervals that hold at every moment for shares, with no limit theorem and no minimum count.

For n customers of whom k came back, and a share p, the Beta(a, b) mixture of other shares gives

    M(p) = B(a + k, b + n - k) / (B(a, b) p^k (1 - p)^(n - k)),   a = r / (1 - p),  b = r / p,

a martingale that starts at 1 if each comes back with probability p, whatever came before; the
shares with M(p) < 1/alpha are an interval that holds at all n together. r = rho - p (1 - p), rho as
for the normal mixture at variance m p (1 - p), m the count at which the interval is to be tight
(Howard, Ramdas, McAuliffe and Sekhon 2021, Annals of Statistics 49, proposition 7).

Of two arms each interval is taken at alpha / 2, so that their difference lies in
[low_1 - high_0, high_1 - low_0] at all looks together; p is the least alpha at which the two
intervals part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaln

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST = 1e-12


class Share(NamedTuple):
    """``k`` of ``n`` units, and the count at which the interval is to be tight."""

    k: float
    n: float
    tuned: float


def log_mixture_of_shares(share: Share, p: float, alpha_opt: float = 0.05) -> float:
    """log M(p).

    >>> round(log_mixture_of_shares(Share(700, 1000, 100), 0.7), 4)
    -2.2608
    """
    deep = -2 * np.log(alpha_opt)
    q = 1 - p
    r = max(share.tuned * p * q / (deep + np.log1p(deep)) - p * q, 1e-3 * p * q)
    a, b, gone = r / q, r / p, share.n - share.k
    mixed = betaln(a + share.k, b + gone) - betaln(a, b)
    return float(mixed - share.k * np.log(p) - gone * np.log(q))


def share_interval(share: Share, alpha: float) -> tuple[float, float]:
    """The shares that are not left behind, at all n together with probability 1 - alpha.

    >>> low, high = share_interval(Share(700, 1000, 100), 0.05)
    >>> round(low, 6), round(high, 6)
    (0.65163, 0.74595)

    Raises:
        InputError: there are not 0 <= k <= n units, n above 0, or alpha is not between 0 and 1.
    """
    if not 0 <= share.k <= share.n or not share.n > 0 or not 0 < alpha < 1:
        raise InputError(
            f"{share.k} of {share.n} units at alpha {alpha}", do="give counts, and 0 < alpha < 1"
        )
    bar = float(-np.log(alpha))
    at = min(max(share.k / share.n, _LEAST), 1 - _LEAST)

    def inside(p: float) -> bool:
        return bool(log_mixture_of_shares(share, p) < bar)

    low = 0.0 if share.k == 0 or inside(_LEAST) else _edge(inside, _LEAST, at)
    high = 1.0 if share.k == share.n or inside(1 - _LEAST) else _edge(inside, 1 - _LEAST, at)
    return low, high


def difference_of_shares(treated: Share, untreated: Share, alpha: float) -> tuple[float, float]:
    """Interval of the difference, at all looks together.

    >>> low, high = difference_of_shares(Share(70, 100, 100), Share(30, 100, 100), 0.05)
    >>> round(low, 3), round(high, 3)
    (0.08, 0.67)
    """
    low1, high1 = share_interval(treated, alpha / 2)
    low0, high0 = share_interval(untreated, alpha / 2)
    return low1 - high0, high1 - low0


def p_of_shares(treated: Share, untreated: Share) -> float:
    """The least alpha at which the difference's interval leaves 0 out; 1 where none does."""

    def apart(log_alpha: float) -> bool:
        low, high = difference_of_shares(treated, untreated, float(np.exp(log_alpha)))
        return low > 0 or high < 0

    if not apart(-1e-9):
        return 1.0
    low, high = -700.0, -1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if apart(middle) else (middle, high)
    return float(np.exp(high))


def _edge(inside: Callable[[float], bool], out: float, within: float) -> float:
    """Where ``inside`` changes between two points."""
    for _ in range(60):
        middle = (out + within) / 2
        out, within = (out, middle) if inside(middle) else (middle, within)
    return out
