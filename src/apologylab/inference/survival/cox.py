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

so the cost grows with the distinct times and not with units times covariates. Where covariates have
few distinct values g, as indicators of arms, the sums over units are products of fixed counts by
time and value with exp(x_g' b), and each step is a product of matrices. The sandwich of Lin
and Wei uses each unit's score residual, to which every time before its own adds; it holds where
hazards are not proportional, and b is then an average log hazard ratio that the censoring weights.

Sources: Cox 1972; Breslow 1974; Efron 1977 (JASA 72, equation 6.7); Lin and Wei 1989 (JASA 84).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
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
AT_ONCE = 1 << 10
"""Event times multiplied at once: few enough for the processor's cache, and for one thread."""
NO_MAXIMUM = (
    "the partial likelihood has no maximum: some covariate, or sum of them, tells all who had the "
    "event from all who had not"
)


class Rows(NamedTuple):
    """What is fitted.

    ``time`` (r,), ``event`` (r,) whether the rows' time ended in the event, ``x`` (r, p), ``n``
    (r,) units, ``stratum`` (r,) from 0. With ``of`` (r,), the covariates of row i are x[of[i]], and
    ``x`` is (g, p): all values there are.
    """

    time: Floats
    event: NDArray[np.bool_]
    x: Floats
    n: Counts
    stratum: NDArray[np.intp]
    of: NDArray[np.intp] | None = None

    def some(self, which: NDArray[np.bool_]) -> Rows:
        """Some of the rows, with the x that they name."""
        time, event, x, n, stratum, of = self
        if of is None:
            x = x[which]
        else:
            of = of[which]
        return Rows(time[which], event[which], x, n[which], stratum[which], of)


class CoxFit(NamedTuple):
    """The fit: ``b`` (p,), two covariances (p, p), and log partial likelihoods at 0 and at b.

    ``robust`` is None where it was not asked for.
    """

    b: Floats
    covariance: Floats
    robust: Floats | None
    null: float
    fitted: float

    def likelihood_ratio(self) -> tuple[float, float]:
        """Twice the gain in log likelihood, and the p of "all of b is 0"."""
        from apologylab.inference.special import chdtrc

        statistic = 2 * (self.fitted - self.null)
        return statistic, float(chdtrc(len(self.b), statistic))


class _Stratum(NamedTuple):
    """Rows of one stratum: ``upto`` (r,) counts the event times up to each row's own; d (t,).

    ``gained`` (p,) is the sum of x over the events. Where rows name their x with ``of``, ``left``
    and ``ended`` (t, g) count the units at risk, and those whose event it is, by value of x.
    """

    event: NDArray[np.bool_]
    x: Floats
    n: Floats
    upto: NDArray[np.intp]
    d: Floats
    gained: Floats
    of: NDArray[np.intp] | None
    left: Floats
    ended: Floats


class _Sums(NamedTuple):
    """The sums over the ties of each event time, (t,) each.

    ``risk`` is exp(x' b) of each of the stratum's x, but for a factor.
    """

    risk: Floats
    a1: Floats
    b1: Floats
    a2: Floats
    b2: Floats
    c2: Floats
    likelihood: float


def cox(rows: Rows, *, ties: Ties = "efron", robust: bool = True) -> CoxFit:
    """Fit by Newton's method from b = 0, halving steps that lose likelihood.

    ``robust`` asks for the covariance of Lin and Wei too.

    Raises:
        NotEstimable: no event, a covariate that does not vary, or no maximum.

    >>> rows = Rows(
    ...     np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False]),
    ...     np.array([[1.0], [0.0], [1.0], [0.0]]), np.ones(4, np.int64), np.zeros(4, np.intp),
    ... )
    >>> round(cox(rows).b.item(), 4)
    0.9406
    """
    mean, spread = _scale(rows)
    strata = list(_strata(rows._replace(x=(rows.x - mean) / spread)))
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
    square = np.outer(spread, spread)
    sandwich = None
    if robust:
        meat = np.sum([_meat(*each) for each in zip(strata, at, strict=True)], axis=0)
        sandwich = covariance @ meat @ covariance / square
    return CoxFit(b / spread, covariance / square, sandwich, _likelihood(start), _likelihood(at))


def _scale(rows: Rows) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each covariate over the rows, (p,) each."""
    times = None if rows.of is None else np.bincount(rows.of, minlength=len(rows.x))
    mean = np.average(rows.x, axis=0, weights=times)
    spread = np.sqrt(np.average(np.square(rows.x - mean), axis=0, weights=times))
    if not (spread > 0).all():
        raise NotEstimable(f"covariate number {int(np.argmin(spread)) + 1} does not vary")
    return mean, spread


def _strata(rows: Rows) -> Iterator[_Stratum]:
    """The strata in which there are events."""
    numbers = np.flatnonzero(np.bincount(rows.stratum))
    for number in numbers:
        mine = rows if len(numbers) == 1 else rows.some(rows.stratum == number)
        if mine.event.any():
            yield _stratum(mine)


def _stratum(rows: Rows) -> _Stratum:
    time, event, x, n, _, of = rows
    # Without counts, np.unique imports numpy.ma, which costs more than a fit of whole days.
    when, _ = np.unique(time[event], return_counts=True)
    upto = np.searchsorted(when, time, side="right")
    units = n.astype(np.float64)
    if of is None:
        left = ended = np.zeros((0, 0))
        gained = units[event] @ x[event]
    else:
        left, ended = _by_value(upto, event, units, of, (len(when), len(x)))
        gained = ended.sum(axis=0) @ x
    d = _by(upto[event] - 1, units[event], len(when))
    return _Stratum(event, x, units, upto, d, gained, of, left, ended)


def _by_value(
    upto: NDArray[np.intp],
    event: NDArray[np.bool_],
    n: Floats,
    of: NDArray[np.intp],
    shape: tuple[int, int],
) -> tuple[Floats, Floats]:
    """Units at risk, and those whose event it is, by event time and value of x, (t, g) each."""
    t, g = shape
    going = _by(upto * g + of, n, (t + 1) * g).reshape(t + 1, g)[:0:-1]
    ended = _by((upto[event] - 1) * g + of[event], n[event], t * g).reshape(t, g)
    return np.ascontiguousarray(np.cumsum(going, axis=0)[::-1]), ended


def _sums(of: _Stratum, b: Floats, ties: Ties) -> _Sums:
    eta = of.x @ b
    top = float(eta.max())
    risk = np.exp(eta - top)
    if of.of is None:
        s0, d0 = _at_risk(of, of.n * risk), _of_events(of, of.n * risk)
    else:
        s0, d0 = _times(of.left, risk), _times(of.ended, risk)
    logs, a1, b1, a2, b2, c2 = _over_ties(s0, d0, of.d, ties)
    gained = float(of.gained @ b - of.d.sum() * top - logs.sum())
    return _Sums(risk, a1, b1, a2, b2, c2, gained)


def _times(counts: Floats, risk: Floats) -> Floats:
    """The product of (t, g) and (g,), a few times at once."""
    found = np.empty(len(counts))
    for here in _pieces(len(counts)):
        np.dot(counts[here], risk, out=found[here])
    return found


def _pieces(size: int) -> Iterator[slice]:
    return (slice(low, low + AT_ONCE) for low in range(0, size, AT_ONCE))


def _first(of: _Stratum, t: _Sums) -> tuple[Floats, Floats]:
    """S1 and D1, (t, p) each."""
    if of.of is not None:
        weighed = t.risk[:, None] * of.x
        return of.left @ weighed, of.ended @ weighed
    weighed = (of.n * t.risk)[:, None] * of.x
    s1 = np.stack([_at_risk(of, column) for column in weighed.T], axis=1)
    return s1, np.stack([_of_events(of, column) for column in weighed.T], axis=1)


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
    # A step too far has a likelihood that is no number, and is halved.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return [_sums(each, b, ties) for each in strata]


def _likelihood(at: Sequence[_Sums]) -> float:
    return sum(each.likelihood for each in at)


def _derivatives(strata: Sequence[_Stratum], at: Sequence[_Sums]) -> tuple[Floats, Floats]:
    """Score (p,) and the inverse of the information (p, p)."""
    p = strata[0].x.shape[1]
    score, information = np.zeros(p), np.zeros((p, p))
    for each, t in zip(strata, at, strict=True):
        weighed = (t.risk * _exposure(each, t))[:, None] * each.x
        score += each.gained - weighed.sum(axis=0)
        information += each.x.T @ weighed
        if each.of is None:
            information -= _crossed(*_first(each, t), t)
        else:
            by_x = t.risk[:, None] * each.x
            information -= by_x.T @ _crossed(each.left, each.ended, t) @ by_x
    return score, _inverse(information)


def _crossed(s: Floats, d: Floats, t: _Sums) -> Floats:
    """s' A2 s - s' B2 d - d' B2 s + d' C2 d of two tables by event time."""
    found = np.zeros((s.shape[1], s.shape[1]))
    tied = t.b2.any()
    for here in _pieces(len(s)):
        found += s[here].T @ (t.a2[here, None] * s[here])
        if tied:
            both = s[here].T @ (t.b2[here, None] * d[here])
            found += d[here].T @ (t.c2[here, None] * d[here]) - both - both.T
    return found


def _exposure(of: _Stratum, t: _Sums) -> Floats:
    """The sum of h over the units of each x."""
    if of.of is None:
        return of.n * _hazard(of, t.a1, t.b1)
    return np.asarray(t.a1 @ of.left - t.b1 @ of.ended, dtype=np.float64)


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
    s1, d1 = _first(of, t)
    mean = (s1 * t.a1[:, None] - d1 * t.b1[:, None]) / of.d[:, None]
    taken = s1 * t.a2[:, None] - d1 * t.b2[:, None]
    own = s1 * t.b2[:, None] - d1 * t.c2[:, None]
    hazard = _hazard(of, t.a1, t.b1)[:, None]
    x, risk = (of.x, t.risk) if of.of is None else (of.x[of.of], t.risk[of.of])
    residual = -risk[:, None] * (x * hazard - _hazard(of, taken, own))
    residual[of.event] += x[of.event] - mean[of.upto[of.event] - 1]
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
