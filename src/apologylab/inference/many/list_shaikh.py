"""Many hypotheses by one bootstrap: List, Shaikh and Xu 2019, with covariates List et al. 2023.

A hypothesis is one outcome k, one subgroup z, one pair of arms (d, d'); so the four kinds of family
(many outcomes, many subgroups, many arms against a control, all pairs of arms) and any mixture of
them are one call. In the sample and in each draw

    T = |delta_k,z,d,d' - (delta in the sample, of a draw)| / SE.

Without covariates (2019, equation 4) delta is the difference in means and SE^2 the sum of s^2 / n.
With covariates x (2023, section 3) y is regressed on (1, x) in each arm of the subgroup,

    delta = a_d' - a_d + xbar_z' (b_d' - b_d),
    SE^2 = s_d'^2 / n_d' + s_d^2 / n_d + (b_d' - b_d)' S_z (b_d' - b_d) / n_z,

xbar_z and S_z mean and covariance of x over the subgroup, all arms; s_d^2 the variance of
y - x'b_d. The population is what units are sampled from, hence the last term. All variances have
divisor n - 1.

All of these are functions of sums, so a draw costs one product of weights and a table of sums: the
units as they are, distinct kinds of unit with their counts, or hash buckets (:mod:`.draws`).
p-values are those of :mod:`.step_down`.

Departures from the authors' programs: a subgroup's share in a draw is that of the draw (mhtexp2
takes it from the sample's rows in their old order); sets of hypotheses are possible if no chain of
them joins a rejected pair (listetal2015 joins pairs of arms that share none); an arm that a draw
leaves with one unit or none counts as beyond (they count it as not).

Sources: List, Shaikh and Xu 2019 (Experimental Economics 22); List, Shaikh and Vayalinkal 2023
(Journal of Applied Econometrics 38).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.many.step_down import Compared, Stepped, list_shaikh_xu

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.moments import Counts, Floats
    from apologylab.inference.slabs import Codes


ROUNDING = 1e-13
"""Share of a sum of squares below which what is left of it is rounding: nothing varies."""
SAME = 1e-10
"""Relative difference of two slopes that are one."""


class Units(NamedTuple):
    """Rows of a table.

    Attributes:
        y: (n, k) outcomes.
        arm: (n,) codes.
        subgroup: (n,) codes; zeros where there is one.
        x: (n, p) covariates; None where there are none.
    """

    y: Floats
    arm: Codes
    subgroup: Codes
    x: Floats | None = None


class Hypothesis(NamedTuple):
    """Outcome, subgroup, and the two arms: the effect is that of ``treatment - control``."""

    outcome: int
    subgroup: int
    control: int
    treatment: int


class Answer(NamedTuple):
    """Effects (m,), their statistics (m,) and p-values."""

    effect: Floats
    t: Floats
    drawn: Floats
    p: Stepped


def every_hypothesis(
    outcomes: int, subgroups: int, pairs: Sequence[tuple[int, int]]
) -> list[Hypothesis]:
    """Every outcome in every subgroup for every pair (control, treatment) of arms.

    >>> len(every_hypothesis(4, 4, [(0, 1), (0, 2), (0, 3)]))
    48
    """
    return [
        Hypothesis(k, z, *pair) for k in range(outcomes) for z in range(subgroups) for pair in pairs
    ]


def bootstrapped(
    units: Units,
    hypotheses: Sequence[Hypothesis],
    draws: Iterable[Floats],
    counts: Counts | None = None,
) -> Answer:
    """All hypotheses at once.

    Args:
        units: the rows.
        hypotheses: m of them; :func:`every_hypothesis`.
        draws: weights of the rows, (b, n) at a time; :mod:`.draws` makes or replays them.
        counts: (n,) units of each row; one each if None.

    Raises:
        NotEstimable: an arm of a subgroup has too few units, or nothing varies.
        InputError: there are no draws.
    """
    table = _Table(units)
    whole = np.ones(len(units.arm)) if counts is None else counts.astype(np.float64)
    effect, error = _read(table.sums(whole[None, :]), table, hypotheses)
    if not (np.isfinite(error) & (error > 0)).all():
        at = hypotheses[int(np.flatnonzero(~(np.isfinite(error[0]) & (error[0] > 0)))[0])]
        raise NotEstimable(f"{at} has no standard error: too few units, or nothing varies")
    parts = [_about(effect, *_read(table.sums(w), table, hypotheses)) for w in draws]
    if not parts:
        raise InputError("there are no draws", do="draw some thousands")
    drawn = np.concatenate(parts)
    t = np.abs(effect[0]) / error[0]
    p = list_shaikh_xu(t, drawn, [_compared(each) for each in hypotheses])
    return Answer(effect[0], t, drawn, p)


def _about(effect: Floats, drawn: Floats, error: Floats) -> Floats:
    """Statistics of draws, (b, m), about the sample's; beyond all where a draw has none."""
    away = np.abs(drawn - effect)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = away / error
    t[(away == 0) & (error == 0)] = 0.0
    return np.where(np.isnan(t), np.inf, t)


def _compared(each: Hypothesis) -> Compared:
    return Compared(
        (str(each.outcome), str(each.subgroup)), (str(each.control), str(each.treatment))
    )


class _Table:
    """Rows by cell with what is summed of each: 1, x, xx' (upper half), y, y^2, xy.

    ``cells`` are (subgroup, arm); everything is about the mean over all rows, so that large means
    cost no digits.
    """

    def __init__(self, units: Units) -> None:
        x = np.zeros((len(units.arm), 0)) if units.x is None else units.x
        if not (np.isfinite(units.y).all() and np.isfinite(x).all()):
            raise NotEstimable("an outcome or covariate is missing or infinite for some units")
        self.k, self.p = units.y.shape[1], x.shape[1]
        self.upper = np.triu_indices(self.p)
        key = np.stack([units.subgroup, units.arm], axis=1)
        self.cells, code = np.unique(key, axis=0, return_inverse=True)
        self.order = np.argsort(code, kind="stable")
        self.ends = np.append(0, np.bincount(code, minlength=len(self.cells)).cumsum())
        self.middle = x.mean(axis=0)
        self.features = self._features(units.y - units.y.mean(axis=0), x - self.middle)[self.order]

    def _features(self, y: Floats, x: Floats) -> Floats:
        one = np.ones((len(y), 1))
        products = (x[:, :, None] * y[:, None, :]).reshape(len(y), -1)
        squares = x[:, self.upper[0]] * x[:, self.upper[1]]
        return np.concatenate([one, x, squares, y, y**2, products], axis=1)

    def sums(self, weights: Floats) -> Floats:
        """Sums by draw and cell, (b, cells, features), of weights (b, rows)."""
        sorted_by_cell = weights[:, self.order]
        spans = zip(self.ends, self.ends[1:], strict=False)
        return np.stack([sorted_by_cell[:, i:j] @ self.features[i:j] for i, j in spans], axis=1)


class _Cells(NamedTuple):
    """Moments by draw and cell; yy and xy are sums about the cell's means.

    n (b, c), xbar (b, c, p), xx (b, c, p, p), ybar and yy (b, c, k), xy (b, c, p, k).
    """

    n: Floats
    xbar: Floats
    xx: Floats
    ybar: Floats
    yy: Floats
    xy: Floats


def _read(sums: Floats, table: _Table, hypotheses: Sequence[Hypothesis]) -> tuple[Floats, Floats]:
    """Effects and standard errors, (b, m) each."""
    cells = _moments(sums, table)
    with np.errstate(invalid="ignore", divide="ignore"):  # cells that a draw left empty are nan
        slopes = _slopes(cells)
        explained = np.einsum("bcpk,bcpk->bck", slopes, cells.xy)
        variance = _left(cells.yy, explained) / (cells.n * (cells.n - 1))[:, :, None]
        found = [_one(each, table, cells, slopes, variance) for each in hypotheses]
    effect, square = (np.stack(side, axis=1) for side in zip(*found, strict=True))
    with np.errstate(invalid="ignore"):  # of a draw without an answer
        return effect, np.sqrt(square)


def _moments(sums: Floats, table: _Table) -> _Cells:
    p, k = table.p, table.k
    ends = np.cumsum([1, p, len(table.upper[0]), k, k])
    n, x, xx, y, yy, xy = np.split(sums, ends, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):  # empty cells are nan
        xbar, ybar = x / n, y / n
    square = np.zeros((*n.shape[:2], p, p))
    square[:, :, table.upper[0], table.upper[1]] = xx
    square[:, :, table.upper[1], table.upper[0]] = xx
    cross = xy.reshape(*n.shape[:2], p, k)
    return _Cells(
        n=n[:, :, 0],
        xbar=xbar,
        xx=square - n[..., None] * xbar[..., :, None] * xbar[..., None, :],
        ybar=ybar,
        yy=_left(yy, n * ybar**2),
        xy=cross - n[..., None] * xbar[..., :, None] * ybar[..., None, :],
    )


def _left(squares: Floats, explained: Floats) -> Floats:
    """What is left of sums of squares; 0 where that is rounding, nan where there are none."""
    left = squares - explained
    return np.asarray(np.where(left <= ROUNDING * squares, 0.0, left), dtype=np.float64)


def _apart(one: Floats, other: Floats) -> Floats:
    """The difference of slopes; 0 where it is rounding."""
    near = np.abs(one - other) <= SAME * np.abs(one)
    return np.asarray(np.where(near, 0.0, one - other), dtype=np.float64)


def _slopes(cells: _Cells) -> Floats:
    """b of each arm, (b, c, p, k); nan where x does not vary in all its directions."""
    if not cells.xy.shape[2]:
        return cells.xy
    singular = ~(cells.n > cells.xy.shape[2] + 1) | ~np.isfinite(cells.xx).all(axis=(2, 3))
    xx = np.where(singular[..., None, None], np.eye(cells.xy.shape[2]), cells.xx)
    xy = np.where(singular[..., None, None], np.nan, cells.xy)
    return np.asarray(np.linalg.pinv(xx, hermitian=True) @ xy, dtype=np.float64)


def _one(
    each: Hypothesis, table: _Table, cells: _Cells, slopes: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Effect and its variance in each draw, (b,) each."""
    k = each.outcome
    low, high = (_cell(table, each.subgroup, arm) for arm in (each.control, each.treatment))
    members = [i for i, cell in enumerate(table.cells) if cell[0] == each.subgroup]
    n = cells.n[:, members]
    total = n.sum(axis=1)
    xbar = (n[..., None] * np.nan_to_num(cells.xbar[:, members])).sum(axis=1) / total[:, None]
    steeper = _apart(slopes[:, high, :, k], slopes[:, low, :, k])
    effect = cells.ybar[:, high, k] - cells.ybar[:, low, k]
    for i, sign in ((high, 1), (low, -1)):
        effect = effect + sign * ((xbar - cells.xbar[:, i]) * slopes[:, i, :, k]).sum(axis=1)
    away = np.nan_to_num(cells.xbar[:, members]) - xbar[:, None, :]
    within = np.nan_to_num(cells.xx[:, members]).sum(axis=1)
    scatter = within + np.einsum("bc,bcp,bcq->bpq", n, away, away)
    extra = np.einsum("bp,bpq,bq->b", steeper, scatter, steeper) / (total * (total - 1))
    return effect, variance[:, high, k] + variance[:, low, k] + extra


def _cell(table: _Table, subgroup: int, arm: int) -> int:
    found = np.flatnonzero((table.cells == (subgroup, arm)).all(axis=1))
    if not len(found):
        raise NotEstimable(f"arm {arm} has no unit in subgroup {subgroup}")
    return int(found[0])
