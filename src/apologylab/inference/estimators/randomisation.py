"""Randomisation inference: the design's own draws are the only chance there is.

What was drawn as one (a customer, or a cluster) is a point g with n_g units and total Y_g. Under
"every unit's effect is tau" the outcomes without the remedy are Y_g - tau n_g z_g, whatever the
draw z, so the statistic of each draw that the design could have made is known, and

    p(tau) = share of the draws whose |T| is as large as that of the draw that was made,

    T = D / sqrt(V),    D = sum_p s_p (ybar_p1 - ybar_p0)  over phases p of share s_p.

V is the variance that belongs to the design, so that the test of tau = 0 is exact for "no effect on
anybody" and, in large samples, right for "no effect on the mean" (Wu and Ding 2021): Neyman's with
points drawn one by one,

    V = sum_p s_p^2 sum_a G_pa / (G_pa - 1) sum_{g in a} u_g^2,    u_g = (Y_g - n_g ybar_pa) / n_pa,

and with permuted blocks K_p / (K_p - 1) sum_b (sum_{g in b, 1} u_g - sum_{g in b, 0} u_g)^2. The
statistic ``difference`` is D alone, with V = 1. The interval is all tau with p(tau) > alpha.

D is linear and V quadratic in tau, so each draw gives five numbers once and no tau needs a second
look: D = D_y - tau D_z, V = V_yy - 2 tau V_yz + tau^2 V_zz.

Sources: Fisher 1935 (The Design of Experiments); Rosenbaum 2002 (Observational Studies), chapter 2;
Wu and Ding 2021 (JASA 116) for the studentised statistic; Phipson and Smyth 2010 (Statistical
Applications in Genetics and Molecular Biology 9) for (1 + c) / (1 + r).
"""

from __future__ import annotations

from itertools import combinations, product
from math import comb, lgamma, log, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.moments import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

CHUNK = 4_000_000
"""Draws times points that are worked on at once."""
AS_LARGE = 1e-9
"""Relative slack within which two statistics are equal."""


class Points(NamedTuple):
    """Two arms as they were drawn.

    Attributes:
        total: (g,) sums of the outcome over each point's units.
        units: (g,) units.
        treated: (g,) whether the point is in the treatment.
        phase: (g,) index into ``share``: of phases, or of strata that were drawn by themselves.
        share: (p,) the weight of each.
        exchange: (g,) labels within which draws are exchangeable: phases, or blocks.
        by_block: whether ``exchange`` are permuted blocks, whose error is between them.
    """

    total: Floats
    units: Floats
    treated: NDArray[np.bool_]
    phase: NDArray[np.intp]
    share: Floats
    exchange: NDArray[np.intp]
    by_block: bool = False


class Forms(NamedTuple):
    """D and V of each draw as polynomials in tau, (r,) each; the first is the draw made."""

    dy: Floats
    dz: Floats
    yy: Floats
    yz: Floats
    zz: Floats


class Test(NamedTuple):
    """The point, its interval, p of no effect, how many draws, and whether these are all."""

    point: float
    low: float
    high: float
    p_value: float
    draws: int
    exact: bool


def count(points: Points) -> int | None:
    """How many draws the design could have made, given how many points each arm has.

    None: more than a thousand million.
    """
    sizes = [(len(z), int(z.sum())) for _, z in _parts(points)]
    size = sum(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for n, k in sizes)
    return prod(comb(n, k) for n, k in sizes) if size < log(1e9) else None


def _parts(points: Points) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Places and draw of each set of exchangeable points."""
    for label in np.unique(points.exchange):
        place = np.flatnonzero(points.exchange == label)
        yield place, points.treated[place]


def every(points: Points) -> NDArray[np.bool_]:
    """All draws, (r, g); the draw that was made stands first."""
    parts = list(_parts(points))
    choices = [list(combinations(place.tolist(), int(z.sum()))) for place, z in parts]
    drawn = np.zeros((prod(map(len, choices)), len(points.total)), dtype=bool)
    for row, chosen in zip(drawn, product(*choices), strict=True):
        row[[i for part in chosen for i in part]] = True
    made = (drawn == points.treated).all(axis=1)
    return np.concatenate([drawn[made], drawn[~made]])


def redrawn(points: Points, rng: np.random.Generator, draws: int) -> NDArray[np.bool_]:
    """The draw that was made and ``draws`` others at random, (draws + 1, g)."""
    drawn = np.tile(points.treated, (draws + 1, 1))
    for place, z in _parts(points):
        if 0 < z.sum() < len(z):
            again = np.tile(z, (draws, 1))
            drawn[1:, place] = rng.permuted(again, axis=1)
    return drawn


def forms(points: Points, drawn: NDArray[np.bool_], *, studentised: bool = True) -> Forms:
    """D and V of each of ``drawn`` (r, g)."""
    # Neither depends on where 0 lies, and about the mean no digit is lost.
    middle = points.total.sum() / points.units.sum()
    points = points._replace(total=points.total - points.units * middle)
    step = max(CHUNK // max(len(points.total), 1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw that leaves an arm empty
        parts = [
            _forms(points, drawn[at : at + step].astype(np.float64), studentised=studentised)
            for at in range(0, len(drawn), step)
        ]
    return Forms(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _forms(points: Points, drawn: Floats, *, studentised: bool) -> Forms:
    effect = points.units * points.treated
    dy, dz, yy, yz, zz = (np.zeros(len(drawn)) for _ in range(5))
    for p, share in enumerate(points.share):
        mine = points.phase == p
        u, w, v, arms = points.total[mine], effect[mine], points.units[mine], drawn[:, mine]
        sides = [_Side.of(z, u, w, v) for z in (arms, 1 - arms)]
        dy += share * (sides[0].u - sides[1].u)
        dz += share * (sides[0].w - sides[1].w)
        if points.by_block and studentised:
            b = [_between(s, u, w, v, points.exchange[mine]) for s in sides]
            off_u, off_w = b[0][0] - b[1][0], b[0][1] - b[1][1]
            k = off_u.shape[1]
            scale = share**2 * k / (k - 1) if k > 1 else np.inf
            yy += scale * np.square(off_u).sum(axis=1)
            yz += scale * (off_u * off_w).sum(axis=1)
            zz += scale * np.square(off_w).sum(axis=1)
        elif studentised:
            for s in sides:
                scale = share**2 * s.points / (s.points - 1) / s.units**2
                yy += scale * s.product(u, u, v, s.u, s.u)
                yz += scale * s.product(u, w, v, s.u, s.w)
                zz += scale * s.product(w, w, v, s.w, s.w)
    return Forms(dy, dz, yy if studentised else yy + 1, yz, zz)


class _Side(NamedTuple):
    """One arm of a phase in each draw: who is in it (r, g); points, units and means (r,)."""

    z: Floats
    points: Floats
    units: Floats
    u: Floats
    w: Floats

    @classmethod
    def of(cls, z: Floats, u: Floats, w: Floats, v: Floats) -> _Side:
        units = z @ v
        return cls(z, z.sum(axis=1), units, z @ u / units, z @ w / units)

    def product(self, a: Floats, b: Floats, v: Floats, mean_a: Floats, mean_b: Floats) -> Floats:
        """sum_g (a_g - v_g mean_a) (b_g - v_g mean_b) over the arm's points, (r,)."""
        across = mean_b * (self.z @ (a * v)) + mean_a * (self.z @ (b * v))
        whole = self.z @ (a * b)
        found: Floats = whole - across + mean_a * mean_b * (self.z @ (v * v))
        return np.where(found > ROUNDING * whole, found, 0) if a is b else found


def _between(
    side: _Side, u: Floats, w: Floats, v: Floats, block: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """What each block adds to the error of the arm's means of u and of w, (r, k) each."""
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(block[order]) != 0))

    def summed(values: Floats) -> Floats:
        total: Floats = np.add.reduceat((side.z * values)[:, order], starts, axis=1)
        return total

    held, units = summed(v), side.units[:, None]
    return (
        (summed(u) - held * side.u[:, None]) / units,
        (summed(w) - held * side.w[:, None]) / units,
    )


def p_value(of: Forms, tau: float) -> float:
    """p of "every unit's effect is tau"; the draw that was made counts as one of all."""
    d = np.abs(of.dy - tau * of.dz)
    v = np.maximum(of.yy - 2 * tau * of.yz + tau**2 * of.zz, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # where computes both sides
        t = np.where(v > 0, d / np.sqrt(v), np.where(d == 0, 0.0, np.inf))
    return float((t >= t[0] * (1 - AS_LARGE)).mean())


def invert(of: Forms, *, alpha: float, exact: bool) -> Test:
    """The test of no effect and the interval that the same draws give.

    Raises:
        NotEstimable: nothing varies, or there are too few draws for a p below alpha.
    """
    if not of.yy[0] > 0:
        raise NotEstimable("the outcome does not vary within the arms")
    point = float(of.dy[0])
    if 1 / len(of.dy) > alpha:
        raise NotEstimable(
            f"the design could have drawn the arms in {len(of.dy)} ways only: p cannot be below "
            f"{1 / len(of.dy):.2g}"
        )
    low, high = (_end(of, point, side, alpha=alpha) for side in (-1.0, 1.0))
    return Test(point, low, high, p_value(of, 0.0), len(of.dy) - (not exact), exact)


def _end(of: Forms, point: float, side: float, *, alpha: float) -> float:
    """Where p falls to alpha on one side of the point."""
    unit = float(np.std(of.dy[np.isfinite(of.dy)])) or 1.0
    reach = unit
    while p_value(of, point + side * reach) > alpha:
        reach *= 2
        if reach > 1e6 * unit:
            raise NotEstimable(
                "too few points in an arm: p is above alpha however large the effect"
            )
    inside, outside = (0.0 if reach == unit else reach / 2), reach
    while outside - inside > 1e-6 * unit:
        middle = (inside + outside) / 2
        if p_value(of, point + side * middle) > alpha:
            inside = middle
        else:
            outside = middle
    return point + side * outside
