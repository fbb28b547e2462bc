"""Kaplan-Meier, Aalen-Johansen and the restricted mean, of one cell's life.

At the distinct times t_1 < t_2 < .. with n_j units at risk, d_j ends that count and d_kj of kind k,

    S(t)   = prod_{t_j <= t} (1 - d_j / n_j),
    Var S  = S(t)^2 sum_{t_j <= t} d_j / (n_j (n_j - d_j)),                             (Greenwood)
    F_k(t) = sum_{t_j <= t} S(t_{j-1}) d_kj / n_j,                               (Aalen-Johansen)
    Var F_k = sum_{t_j <= t} { (F_k(t) - F_k(t_j))^2 d_j / (n_j (n_j - d_j))
              + S(t_{j-1})^2 d_kj (n_j - d_kj) / n_j^3
              - 2 (F_k(t) - F_k(t_j)) S(t_{j-1}) d_kj / n_j^2 },
    mu(t)  = int_0^t S(u) du,  Var mu = sum_{t_j <= t} (int_{t_j}^t S)^2 d_j / (n_j (n_j - d_j)).

In S and mu the ends that count are the event alone: other ends count as censoring, which is right
only if they say nothing of the event to come. In F_k all ends count, and F_k is what is observed:
the share with kind k by t. Without other ends F_1 = 1 - S, and their variances agree.

The restricted mean is the area under S up to t: days without the event out of the first t. Its
variance takes the area from t_j on, also of the last event (lifelines up to 0.30 does not: issue
1682).

Sources: Kaplan and Meier 1958; Greenwood 1926; Aalen and Johansen 1978; Marubini and Valsecchi
1995, equation 10.12, for Var F_k; Klein and Moeschberger 2003, equations 4.5.1 and 4.5.2, for mu.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.survival.counts import EVENT

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats
    from apologylab.inference.survival.counts import Life


class Value(NamedTuple):
    """An estimate and its variance."""

    point: float
    variance: float


def survival(life: Life) -> tuple[Floats, Floats]:
    """S and its Greenwood variance at each time of ``life``, (m,) each; nan once nobody is left.

    >>> from apologylab.inference.survival.counts import Life
    >>> ended = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> s, _ = survival(Life(np.array([1.0, 2.0, 3.0]), np.array([4.0, 3.0, 2.0]), ended))
    >>> s.tolist()
    [0.75, 0.75, 0.375]
    """
    s, summed = _product(life.at_risk, life.ended[:, EVENT])
    with np.errstate(invalid="ignore"):  # nan once all have ended
        variance: Floats = np.square(s) * np.cumsum(summed)
    return s, variance


def _product(n: Floats, d: Floats) -> tuple[Floats, Floats]:
    """S at each time, and the terms d / (n (n - d)) of Greenwood's sum, infinite where d = n."""
    with np.errstate(divide="ignore"):
        terms: Floats = d / (n * (n - d))
    return np.cumprod(1 - d / n, dtype=np.float64), terms


def kaplan_meier(life: Life, at: float) -> Value:
    """Probability of no event by ``at``, other ends taken as censoring."""
    j = int(np.searchsorted(life.time, at, side="right")) - 1
    if j < 0:
        return Value(1.0, 0.0)
    s, variance = survival(life)
    return Value(float(s[j]), float(variance[j]))


def aalen_johansen(life: Life, at: float, kind: int = EVENT) -> Value:
    """Probability of an end of ``kind`` by ``at``, where units may end otherwise before."""
    upto = life.time <= at
    n, known = life.at_risk[upto], kind < life.ended.shape[1]
    d_k = life.ended[upto, kind] if known else np.zeros(len(n))
    s, summed = _product(n, life.ended[upto, EVENT:].sum(axis=1))
    before = np.concatenate(([1.0], s[:-1]))
    cumulative = np.cumsum(before * d_k / n)
    total = float(cumulative[-1]) if cumulative.size else 0.0
    to_come = total - cumulative
    with np.errstate(invalid="ignore"):  # terms are infinite where nothing is to come
        carried = np.where(to_come > 0, np.square(to_come) * summed, 0.0)
    own = np.square(before) * d_k * (n - d_k) / n**3
    crossed = 2 * to_come * before * d_k / np.square(n)
    return Value(total, float((carried + own - crossed).sum()))


def restricted_mean(life: Life, at: float, *, corrected: bool = False) -> Value:
    """Mean time without the event out of the first ``at``.

    ``corrected`` takes the variance m / (m - 1) times, m the events until then: without censoring
    it is then the usual one of a mean (Kaplan and Meier 1958; SAS LIFETEST).
    """
    upto = life.time <= at
    time = life.time[upto]
    s, summed = _product(life.at_risk[upto], life.ended[upto, EVENT])
    widths = np.diff(np.concatenate(([0.0], time, [at])))
    pieces = widths * np.concatenate(([1.0], s))
    after = np.cumsum(pieces[::-1])[::-1][1:]
    with np.errstate(invalid="ignore"):  # as above
        terms = np.where(after > 0, np.square(after) * summed, 0.0)
    events = float(life.ended[upto, EVENT].sum())
    with np.errstate(divide="ignore", invalid="ignore"):  # of one event infinite
        times = np.divide(events, events - 1) if corrected else 1.0
    return Value(float(pieces.sum()), float(terms.sum() * times))
