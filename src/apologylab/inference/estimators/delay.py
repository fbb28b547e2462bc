r"""The effect of the delay that was achieved, by the delay that was assigned (2SLS).

Units of one content (the same words and compensation) in one block were assigned delays at random;
what they got differs, for quiet hours, queues and channels. With Y the outcome and D the delay
achieved of the units reached, cells c = (group g of block and content, assigned delay), n_c units,

    b = sum_c n_c (D_c - D_g) (Y_c - Y_g) / S,    S = sum_c n_c (D_c - D_g)^2,

which is two-stage least squares with an indicator of each group, the cells as instruments. The
residuals e_i = (y_i - Y_g) - b (d_i - D_g), and as a fitted value is the same all over a cell,

    V = sum_c (D_c - D_g)^2 sum_{i in c} e_i^2 / (1 - h_c) / S^2,
    h_c = 1/n_g + (D_c - D_g)^2 / S:

exact HC2 of moments alone. The estimand is a weighted average causal response per hour (Angrist and
Imbens 1995): of those whose delay the assignment moved, weighted by how far. It takes for granted
that the assigned delay acts through the achieved one alone, moves it one way, and leaves who is
reached as it was.

Where the first stage is weak (F below 10) the interval is Anderson and Rubin's: the b at which
Y - bD does not differ among the assigned delays of a group, each cell with its own variance,

    Q(b) = sum_c w_c (u_c - u_g)^2,   u_c = Y_c - b D_c,  w_c = n_c / s_c^2(b),  u_g weighted by w,

at most the chi-squared quantile of (cells - groups).

Sources: Angrist and Imbens 1995 (JASA 90); Anderson and Rubin 1949; Staiger and Stock 1997 for 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.special import chdtrc, gammaincinv, stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

WEAK = 10.0
"""First-stage F below which Wald's interval is not to be trusted."""
FARTHEST = 1e4
"""How many standard errors from the estimate the end of Anderson and Rubin's set is looked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Moments of outcome and delay among the units reached, c cells.

    Attributes:
        group: (c,) number of the group of block and content.
        n: (c,) units.
        y: (c,) mean outcome.
        d: (c,) mean delay.
        yy: (c,) sum of squares of y about its mean; ``dd`` and ``yd`` likewise.
        dd: (c,).
        yd: (c,).
    """

    group: NDArray[np.intp]
    n: Floats
    y: Floats
    d: Floats
    yy: Floats
    dd: Floats
    yd: Floats


class Response(NamedTuple):
    """The effect of an hour more, its interval, and the first stage."""

    point: float
    std_error: float
    df: float
    low: float
    high: float
    p_value: float
    first_stage: float
    weak: bool


def response(cells: Cells, *, alpha: float) -> Response:
    """Two-stage least squares from moments; groups of one cell say nothing and are left out.

    Raises:
        NotEstimable: no group has two assigned delays, or the delays achieved do not differ.
    """
    cells = _of_groups_with_two(cells)
    y, d = _about(cells.y, cells), moved(cells)
    s = float(cells.n @ np.square(d))
    if not s > 1e-12 * float(cells.dd.sum() + s):
        raise NotEstimable("the delays achieved do not differ between the assigned delays")
    b = float(cells.n @ (d * y)) / s
    squares = cells.yy - 2 * b * cells.yd + b**2 * cells.dd + cells.n * np.square(y - b * d)
    leverage = 1 / _group_sum(cells.n, cells) + np.square(d) / s
    error = float((np.square(d) * squares / (1 - leverage)).sum()) ** 0.5 / s
    if not error > 0:
        raise NotEstimable("an outcome that does not vary has no interval")
    groups = len(np.unique(cells.group))
    df = float(cells.n.sum()) - groups - 1
    q = len(cells.n) - groups
    first = (s / q) / (float(cells.dd.sum()) / (float(cells.n.sum()) - len(cells.n)))
    if first >= WEAK:
        reach = float(stdtrit(df, 1 - alpha / 2)) * error
        low, high, p = b - reach, b + reach, float(2 * stdtr(df, -abs(b) / error))
    else:
        low, high = _anderson_rubin(cells, b, error, q, alpha)
        p = float(chdtrc(q, _distance(cells, np.zeros(1))[0]))
    return Response(b, error, df, low, high, p, first, first < WEAK)


def rates_differ(group: NDArray[np.intp], n: Floats, reached: Floats) -> tuple[float, float]:
    """Whether shares ``reached`` (c,) of ``n`` (c,) differ within groups: p, largest difference.

    Pearson's chi-squared in each group, added up.
    """
    statistic, df, widest = 0.0, 0, 0.0
    for g in np.unique(group):
        mine = group == g
        share = reached[mine] / n[mine]
        pooled = reached[mine].sum() / n[mine].sum()
        widest = max(widest, float(np.ptp(share)))
        if 0 < pooled < 1 and mine.sum() > 1:
            spread = n[mine] * np.square(share - pooled)
            statistic += float(spread.sum() / (pooled * (1 - pooled)))
            df += int(mine.sum()) - 1
    return (float(chdtrc(df, statistic)) if df else 1.0), widest


def _of_groups_with_two(cells: Cells) -> Cells:
    numbers, counts = np.unique(cells.group, return_counts=True)
    kept = np.isin(cells.group, numbers[counts > 1]) & (cells.n > 0)
    if not kept.any():
        raise NotEstimable("no content was assigned two delays: there is nothing to compare")
    return Cells(
        group=np.unique(cells.group[kept], return_inverse=True)[1],
        **{name: getattr(cells, name)[kept] for name in ("n", "y", "d", "yy", "dd", "yd")},
    )


def _group_sum(values: Floats, cells: Cells) -> Floats:
    sums: Floats = np.bincount(cells.group, values).astype(np.float64)
    return sums[cells.group]


def moved(cells: Cells) -> Floats:
    """D_c - D_g of each cell, (c,): how far the assignment moved the delay."""
    return _about(cells.d, cells)


def _about(means: Floats, cells: Cells) -> Floats:
    """Cell means about their group's."""
    return means - _group_sum(cells.n * means, cells) / _group_sum(cells.n, cells)


def _distance(cells: Cells, b: Floats) -> Floats:
    """Q at each b, (s,)."""
    same = (cells.group[:, None] == cells.group).astype(np.float64)
    b = b[:, None]
    spread = (cells.yy - 2 * b * cells.yd + b**2 * cells.dd) / (cells.n - 1)
    w = cells.n / spread
    u = cells.y - b * cells.d
    distance: Floats = (w * np.square(u - (w * u) @ same / (w @ same))).sum(axis=1)
    return distance


def _anderson_rubin(
    cells: Cells, b: float, error: float, q: int, alpha: float
) -> tuple[float, float]:
    """The ends of the set about ``b``.

    Raises:
        NotEstimable: the set has no end, or is empty: the delays achieved differ too little.
    """
    most = float(2 * gammaincinv(q / 2, 1 - alpha))
    if _distance(cells, np.array([b]))[0] > most:
        raise NotEstimable("Anderson and Rubin's set is empty: delays act otherwise than through D")
    return _end(cells, b, -error, most), _end(cells, b, error, most)


def _end(cells: Cells, b: float, step: float, most: float) -> float:
    """Where Q first passes ``most`` on the way from ``b`` in the direction of ``step``."""
    at = b + step * np.append(0.0, np.geomspace(1e-2, FARTHEST, 400))
    for _ in range(8):
        out = np.flatnonzero(_distance(cells, at) > most)
        if not out.size:
            raise NotEstimable("the delays achieved differ too little between the assigned ones")
        at = np.linspace(at[out[0] - 1], at[out[0]], 65)
    return float(at[-1])
