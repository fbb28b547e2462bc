"""Efron's sums over the events of one time, as they stand in ``cox``.

With d events, s_k = S0 - f_k D0 and f_k = k / d for k = 0 .. d - 1, six sums over k are wanted:

    L = sum log s,   A1 = sum 1/s,    B1 = sum f/s,
    A2 = sum 1/s^2,  B2 = sum f/s^2,  C2 = sum f^2/s^2.

Since f = (S0 - s) / D0, three follow from the others,

    B1 = (S0 A1 - d) / D0,  B2 = (S0 A2 - A1) / D0,  C2 = (S0^2 A2 - 2 S0 A1 + d) / D0^2,

whose rounding is one of d, as they enter derivatives times D1, D1 S1 and D1 D1. Where ties are many
the rest does not need its d terms either: in steps of D0 / d, y = s d / D0 falls by 1 a term, and
by Euler and Maclaurin, with Bernoulli's numbers B_2p, the terms from y = a down to b + 1 are

    sum g(y) = int_b^a g + (g(a) - g(b)) / 2 + sum_p B_2p / (2p)! (g'(a) - g'(b)) of order 2p - 1.

S0 >= D0, so that b >= 16 when the last 16 terms are added one by one; six terms then leave 1e-17.

Sources: Efron 1977 (JASA 72, equation 6.7); Abramowitz and Stegun 1964, 23.1.30.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

MANY = 64
"""Ties of one time from which on they are not added one by one."""
LAST = 16
"""Terms that are, where ties are many: the last, whose s are the smallest."""
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730)
"""B_2, B_4, .., B_12."""
EXPANDED = 1 << 13
"""Events expanded at once: they stay in the processor's cache."""


def of_many_ties(s0: Floats, d0: Floats, d: Floats) -> Floats:
    """L, A1, B1, A2, B2, C2 of each time, (6, t), for times of more than ``LAST`` events.

    >>> sums = [np.array([each]) for each in (500.0, 80.0, 100.0)]
    >>> bool(np.allclose(of_many_ties(*sums), of_few_ties(*sums), rtol=1e-12))
    True
    """
    f = (d[:, None] - np.arange(1, LAST + 1)) / d[:, None]
    s = s0[:, None] - f * d0[:, None]
    logs, first, second = _up_to(s0, d0 / d, d - LAST)
    logs += np.log(s).sum(axis=1)
    first += (1 / s).sum(axis=1)
    second += (1 / np.square(s)).sum(axis=1)
    b1 = (s0 * first - d) / d0
    b2 = (s0 * second - first) / d0
    c2 = (np.square(s0) * second - 2 * s0 * first + d) / np.square(d0)
    return np.stack((logs, first, b1, second, b2, c2))


def _up_to(s0: Floats, step: Floats, m: Floats) -> tuple[Floats, Floats, Floats]:
    """sum log s, sum 1/s and sum 1/s^2 of the first m terms, from s0 on and ``step`` less each."""
    a, b = s0 / step, s0 / step - m
    gone = m / a
    left = np.log1p(-gone)
    logs = m * np.log(s0) - a * ((1 - gone) * left + gone) - left / 2
    first = -left - m / (a * b) / 2
    second = m / (a * b) + (1 / np.square(a) - 1 / np.square(b)) / 2
    for p, bernoulli in enumerate(BERNOULLI, start=1):
        logs += bernoulli / (2 * p * (2 * p - 1)) * (a ** (1 - 2 * p) - b ** (1 - 2 * p))
        first += bernoulli / (2 * p) * (b ** (-2 * p) - a ** (-2 * p))
        second += bernoulli * (b ** (-2 * p - 1) - a ** (-2 * p - 1))
    return logs, first / step, second / np.square(step)


def of_few_ties(s0: Floats, d0: Floats, d: Floats) -> Floats:
    """L, A1, B1, A2, B2, C2 of each time, (6, t), its events added one by one, a few at once."""
    found = np.zeros((6, len(d)))
    last = np.cumsum(d)
    for low in range(0, int(last[-1]), EXPANDED):
        high = min(low + EXPANDED, int(last[-1]))
        i, j = np.searchsorted(last, (low, high - 1), side="right")
        mine = slice(i, j + 1)
        before = last[mine] - d[mine]
        starts = np.maximum(before - low, 0).astype(np.intp)
        times = np.diff(np.append(starts, high - low))
        f = (np.arange(low, high) - np.repeat(before, times)) / np.repeat(d[mine], times)
        found[:, mine] += _terms(np.repeat(s0[mine], times), np.repeat(d0[mine], times), f, starts)
    return found


def _terms(s0: Floats, d0: Floats, f: Floats, starts: NDArray[np.intp]) -> Floats:
    """The six sums over the events from each of ``starts`` to the next, (6, times)."""
    s = s0 - f * d0
    inverse = 1 / s
    by_f = f * inverse
    terms = (np.log(s), inverse, by_f, np.square(inverse), inverse * by_f, np.square(by_f))
    return np.stack([np.add.reduceat(each, starts) for each in terms])
