"""Cox's proportional hazards, from rows that stand for many units each.

Row i stands for n_i units with covariates x_i whose time ended at t_i; w_i = n_i exp(x_i' b). In
each stratum, at each distinct time j of d_j events, S0, S1 are the sums of w and w x over the units
at risk and D0, D1 the same over those whose event it is. With Efron's treatment of ties the log
partial likelihood is

    l(b) = sum over events x' b - sum_j sum_{k=0}^{d_j - 1} log(S0_j - f_jk D0_j),  f_jk = k / d_j,

and with Breslow's f_jk = 0. All derivatives come out of five sums over the ties of one time,

    A1 = sum 1/s,  B1 = sum f/s,  A2 = sum 1/s^2,  B2 = sum f/s^2,  C2 = sum f^2/s^2,
    s = S0 - f D0,

    score       = sum over events x - sum_j (S1 A1 - D1 B1),
    information = sum_i w_i x_i x_i' h_i - sum_j (S1 S1' A2 - (S1 D1' + D1 S1') B2 + D1 D1' C2),
    h_i         = sum_{j: t_j <= t_i} A1_j - (B1 at t_i, if row i is of events),

so the cost grows with the distinct times and not with units times covariates. The sandwich of Lin
and Wei uses each unit's score residual, to which every time before its own adds; it holds where
hazards are not proportional, and b is then an average log hazard ratio that the censoring weights.

Sources: Cox 1972; Breslow 1974; Efron 1977 (JASA 72, equation 6.7); Lin and Wei 1989 (JASA 84).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.special import chdtrc
from apologylab.inference.survival.ties import MANY, of_few_ties, of_many_ties

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from apologylab.inference.moments import Counts, Floats

Ties = Literal["efron", "breslow"]
STEPS = 50
"""Newton steps after which there is no maximum to be found."""
ENOUGH = 1e-16
"""Newton decrement of the last step: it was 1e-8 standard errors long, what is left its square."""
FLAT = 1e6
"""How much more variance at b than at 0 shows that the likelihood only flattens out."""
NO_MAXIMUM = (
    "the partial likelihood has no maximum: some covariate, or sum of them, tells all who had the "
    "event from all who had not"
)


class Rows(NamedTuple):
    """What is fitted.

    ``time`` (r,), ``event`` (r,) whether the rows' time ended in the event, ``x`` (r, p), ``n``
    (r,) units, ``stratum`` (r,) from 0.
    """

    time: Floats
    event: NDArray[np.bool_]
    x: Floats
    n: Counts
    stratum: NDArray[np.intp]


class CoxFit(NamedTuple):
    """The fit: ``b`` (p,), two covariances (p, p), and log partial likelihoods at 0 and at b."""

    b: Floats
    covariance: Floats
    robust: Floats
    null: float
    fitted: float

    def likelihood_ratio(self) -> tuple[float, float]:
        """Twice the gain in log likelihood, and the p of "all of b is 0"."""
        statistic = 2 * (self.fitted - self.null)
        return statistic, float(chdtrc(len(self.b), statistic))


class Halves(NamedTuple):
    """The fits up to and after ``time``, by which half of all events had come."""

    time: float
    early: CoxFit
    late: CoxFit


class _Stratum(NamedTuple):
    """Rows of one stratum: ``upto`` (r,) counts the event times up to each row's own; d (t,)."""

    event: NDArray[np.bool_]
    x: Floats
    n: Floats
    upto: NDArray[np.intp]
    d: Floats


class _Sums(NamedTuple):
    """The sums over units at each event time, and over the ties there, (t,) or (t, p)."""

    w: Floats
    s1: Floats
    d1: Floats
    a1: Floats
    b1: Floats
    a2: Floats
    b2: Floats
    c2: Floats
    likelihood: float


def cox(rows: Rows, *, ties: Ties = "efron") -> CoxFit:
    """Fit by Newton's method from b = 0, halving steps that lose likelihood.

    Raises:
        NotEstimable: no event, a covariate that does not vary, or no maximum.

    >>> rows = Rows(
    ...     np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False]),
    ...     np.array([[1.0], [0.0], [1.0], [0.0]]), np.ones(4, np.int64), np.zeros(4, np.intp),
    ... )
    >>> round(cox(rows).b.item(), 4)
    0.9406
    """
    spread = _scale(rows)
    strata = list(_strata(rows._replace(x=(rows.x - rows.x.mean(axis=0)) / spread)))
    if not strata:
        raise NotEstimable("no event was seen, so there are no hazards to compare")
    b = np.zeros(rows.x.shape[1])
    start = at = _all_sums(strata, b, ties)
    score, covariance = _derivatives(strata, at)
    at_zero, decrement = covariance, np.inf
    for _ in range(STEPS):
        step = covariance @ score
        decrement = float(step @ score)
        b, at = _ahead(strata, b, step, at, ties)
        score, covariance = _derivatives(strata, at)
        if decrement < ENOUGH or (np.diag(covariance) > FLAT * np.diag(at_zero)).any():
            break
    if decrement >= ENOUGH or (np.diag(covariance) > FLAT * np.diag(at_zero)).any():
        raise NotEstimable(NO_MAXIMUM)
    meat = np.sum([_meat(*each) for each in zip(strata, at, strict=True)], axis=0)
    robust = covariance @ meat @ covariance
    square = np.outer(spread, spread)
    return CoxFit(
        b / spread, covariance / square, robust / square, _likelihood(start), _likelihood(at)
    )


def halves(rows: Rows, *, ties: Ties = "efron") -> Halves:
    """Two fits that tell whether hazards are proportional: each of one half of the events.

    Up to t* units are followed no further; after it those count that are still under way. The two
    scores share no event, so the fits are independent in large samples, and where hazards are
    proportional they estimate one b.

    Raises:
        NotEstimable: a half has no fit.
    """
    event, order = rows.event, np.argsort(rows.time[rows.event], kind="stable")
    seen = np.cumsum(rows.n[event][order])
    if not seen.size:
        raise NotEstimable("no event was seen")
    middle = float(rows.time[event][order][np.searchsorted(seen, seen[-1] / 2)])
    up_to = rows._replace(time=np.minimum(rows.time, middle), event=event & (rows.time <= middle))
    after = rows.time > middle
    rest = Rows(rows.time[after], event[after], rows.x[after], rows.n[after], rows.stratum[after])
    return Halves(middle, cox(up_to, ties=ties), cox(rest, ties=ties))


def _scale(rows: Rows) -> Floats:
    spread: Floats = rows.x.std(axis=0)
    if not (spread > 0).all():
        raise NotEstimable(f"covariate number {int(np.argmin(spread)) + 1} does not vary")
    return spread


def _strata(rows: Rows) -> Iterator[_Stratum]:
    """The strata in which there are events."""
    for number in np.unique(rows.stratum):
        mine = rows.stratum == number
        time, event, n = rows.time[mine], rows.event[mine], rows.n[mine].astype(np.float64)
        when = np.unique(time[event])
        if when.size:
            upto = np.searchsorted(when, time, side="right")
            d = _by(upto[event] - 1, n[event], len(when))
            yield _Stratum(event, rows.x[mine], n, upto, d)


def _sums(of: _Stratum, b: Floats, ties: Ties) -> _Sums:
    eta = of.x @ b
    top = float(eta.max())
    w = of.n * np.exp(eta - top)
    s0, d0 = _at_risk(of, w), _of_events(of, w)
    weighed = w[:, None] * of.x
    s1 = np.stack([_at_risk(of, column) for column in weighed.T], axis=1)
    d1 = np.stack([_of_events(of, column) for column in weighed.T], axis=1)
    logs, a1, b1, a2, b2, c2 = _over_ties(s0, d0, of.d, ties)
    gained = float(of.n[of.event] @ (eta[of.event] - top)) - float(logs.sum())
    return _Sums(w, s1, d1, a1, b1, a2, b2, c2, gained)


def _at_risk(of: _Stratum, values: Floats) -> Floats:
    """Sums over the rows at risk at each event time, (t,)."""
    added = _by(of.upto, values, len(of.d) + 1)[1:]
    return np.cumsum(added[::-1])[::-1]


def _of_events(of: _Stratum, values: Floats) -> Floats:
    """Sums over the rows whose event falls at each event time, (t,)."""
    return _by(of.upto[of.event] - 1, values[of.event], len(of.d))


def _by(place: NDArray[np.intp], values: Floats, size: int) -> Floats:
    return np.bincount(place, values, size).astype(np.float64, copy=False)


def _over_ties(s0: Floats, d0: Floats, d: Floats, ties: Ties) -> Sequence[Floats]:
    """sum log s, A1, B1, A2, B2, C2 at each event time, (t,) each."""
    if ties == "breslow" or d.max() == 1:
        nothing = np.zeros(len(d))
        return d * np.log(s0), d / s0, nothing, d / np.square(s0), nothing, nothing
    found = np.empty((6, len(d)))
    many = d > MANY
    for here, sums in ((many, of_many_ties), (~many, of_few_ties)):
        if here.any():
            found[:, here] = sums(s0[here], d0[here], d[here])
    return list(found)


def _all_sums(strata: Sequence[_Stratum], b: Floats, ties: Ties) -> list[_Sums]:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return [_sums(each, b, ties) for each in strata]


def _likelihood(at: Sequence[_Sums]) -> float:
    return sum(each.likelihood for each in at)


def _derivatives(strata: Sequence[_Stratum], at: Sequence[_Sums]) -> tuple[Floats, Floats]:
    """Score (p,) and the inverse of the information (p, p)."""
    p = strata[0].x.shape[1]
    score, information = np.zeros(p), np.zeros((p, p))
    for each, t in zip(strata, at, strict=True):
        score += each.n[each.event] @ each.x[each.event] - (t.s1.T @ t.a1 - t.d1.T @ t.b1)
        weight = t.w * _hazard(each, t.a1, t.b1)
        crossed = t.s1.T @ (t.b2[:, None] * t.d1)
        information += each.x.T @ (weight[:, None] * each.x) + crossed + crossed.T
        information -= t.s1.T @ (t.a2[:, None] * t.s1) + t.d1.T @ (t.c2[:, None] * t.d1)
    return score, _inverse(information)


def _hazard(of: _Stratum, whole: Floats, own: Floats) -> Floats:
    """Sums of ``whole`` over the event times up to each row's, less ``own`` of an event's own.

    ``whole`` and ``own`` are (t,) or (t, p); the result has one entry a row.
    """
    none = np.zeros((1, *whole.shape[1:]))
    upto: Floats = np.concatenate((none, np.cumsum(whole, axis=0)))[of.upto]
    upto[of.event] -= own[of.upto[of.event] - 1]
    return upto


def _meat(of: _Stratum, t: _Sums) -> Floats:
    """Sum over units of the outer product of their score residuals, (p, p)."""
    mean = (t.s1 * t.a1[:, None] - t.d1 * t.b1[:, None]) / of.d[:, None]
    taken = t.s1 * t.a2[:, None] - t.d1 * t.b2[:, None]
    own = t.s1 * t.b2[:, None] - t.d1 * t.c2[:, None]
    hazard = _hazard(of, t.a1, t.b1)[:, None]
    residual = -(t.w / of.n)[:, None] * (of.x * hazard - _hazard(of, taken, own))
    residual[of.event] += of.x[of.event] - mean[of.upto[of.event] - 1]
    return np.asarray(residual.T @ (of.n[:, None] * residual), dtype=np.float64)


def _inverse(information: Floats) -> Floats:
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all() or np.linalg.cond(information / np.outer(scale, scale)) > 1e12:
        raise NotEstimable("the covariates are collinear among the units at risk at events")
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _ahead(
    strata: Sequence[_Stratum], b: Floats, step: Floats, at: Sequence[_Sums], ties: Ties
) -> tuple[Floats, list[_Sums]]:
    """The point reached and its sums; the step is halved while it loses likelihood."""
    now = _likelihood(at)
    reached = _all_sums(strata, b + step, ties)
    for _ in range(30):
        if _likelihood(reached) >= now - 1e-9 * abs(now):
            break
        step = step / 2
        reached = _all_sums(strata, b + step, ties)
    return b + step, reached
