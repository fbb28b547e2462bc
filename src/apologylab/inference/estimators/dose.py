r"""Dose and response over the levels of a factor: line, parabola, natural spline, monotone.

From L level means m with doses x and units w, a curve f(x) = b(x)'beta is fitted by weighted least
squares, beta = A m with A = (B'WB)^-1 B'W: the curve that least squares over the units themselves
gives. Its errors are those of the level means, A V A': arms may vary differently, and no curve is
assumed true for them. A curve is its own estimand, the best of its kind at these doses; ``misfit``
asks whether the levels agree with it, r'(R V R')^- r with R = I - BA, chi-squared with L - p.

*Natural spline*, K knots k_1 < ... < k_K: b = (1, x, d_1 - d_{K-1}, ..., d_{K-2} - d_{K-1}) with
d_j(x) = ((x - k_j)_+^3 - (x - k_K)_+^3) / (k_K - k_j): cubic between the knots, straight outside.

*Marginal return crosses marginal cost* where f'(x) falls through c. The interval is the doses at
which a t-test of f'(x) = c does not reject (inverted, as Fieller does), so it is honest where f' is
nearly flat: then it reaches the ends of what was tried.

*Monotone*: the closest nondecreasing means (pool adjacent violators). Bands: with simultaneous
intervals [l_j, u_j] of the effects, every nondecreasing curve inside them lies in
[max_{i<=j} l_i, min_{i>=j} u_i], which therefore holds with at least their level; an empty band
contradicts monotony.

Sources: Hastie, Tibshirani and Friedman 2009, equations 5.4-5.5; Fieller 1954; Barlow et al. 1972
(pool adjacent violators); Sidak 1967 for simultaneous intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.moments import Floats
from apologylab.inference.special import chdtrc

FULL_RANK = 1e-10
"""Least share of the largest eigenvalue that counts towards the rank of R V R'."""


def least_squares(basis: Floats, weight: Floats) -> Floats:
    """A, (p, L), from the basis at the levels, (L, p), and their weights, (L,).

    >>> least_squares(np.array([[1.0, 0.0], [1.0, 2.0]]), np.ones(2))[1].round(9).tolist()
    [-0.5, 0.5]
    """
    root = np.sqrt(weight)[:, None]
    return np.asarray(np.linalg.pinv(root * basis) * root.T)


def polynomial(x: Floats, degree: int) -> Floats:
    """1, x, ..., x^degree at each x, (n, degree + 1)."""
    return np.asarray(np.power.outer(x, np.arange(degree + 1)).astype(np.float64))


def polynomial_slope(x: Floats, degree: int) -> Floats:
    """The derivatives of :func:`polynomial`, (n, degree + 1)."""
    powers = np.arange(degree + 1)
    return np.asarray(powers * np.power.outer(x, np.maximum(powers - 1, 0)).astype(np.float64))


def spline(x: Floats, knots: Floats) -> Floats:
    """The natural cubic spline's basis at each x, (n, K), of K sorted knots.

    >>> spline(np.array([0.0, 2.0]), np.array([0.0, 1.0, 2.0])).round(3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
    """
    cubes = np.maximum(x[:, None] - knots, 0) ** 3
    return _natural(x, np.ones_like(x), cubes, knots)


def spline_slope(x: Floats, knots: Floats) -> Floats:
    """The derivatives of :func:`spline`, (n, K)."""
    squares = 3 * np.maximum(x[:, None] - knots, 0) ** 2
    return _natural(np.ones_like(x), np.zeros_like(x), squares, knots)


def _natural(linear: Floats, constant: Floats, cubes: Floats, knots: Floats) -> Floats:
    d = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    return np.column_stack((constant, linear, d[:, :-1] - d[:, -1:]))


def knots_among(doses: Floats, count: int) -> Floats:
    """``count`` knots: the least and greatest dose, and quantiles of the distinct doses between.

    Raises:
        NotEstimable: there are not as many doses.
    """
    distinct = np.unique(doses)
    if len(distinct) < count:
        raise NotEstimable(f"{len(distinct)} doses do not carry a spline of {count} knots")
    return np.quantile(distinct, np.linspace(0, 1, count))


class Misfit(NamedTuple):
    """How far the levels are from the curve: chi-squared, its degrees of freedom, and p."""

    statistic: float
    df: int
    p_value: float


def misfit(basis: Floats, a: Floats, means: Floats, covariance: Floats) -> Misfit | None:
    """Whether the means (L,) agree with the curve; None where it goes through all of them."""
    residual = np.eye(len(means)) - basis @ a
    values, vectors = np.linalg.eigh(residual @ covariance @ residual.T)
    df = len(means) - basis.shape[1]
    if df <= 0 or not values[-df:].min() > FULL_RANK * values[-1]:
        return None
    turned = vectors[:, -df:].T @ residual @ means
    statistic = float((np.square(turned) / values[-df:]).sum())
    return Misfit(statistic, df, float(chdtrc(df, statistic)))


Marginal = Callable[[Floats], tuple[Floats, Floats]]
"""Doses (g,) -> the slope there, (g,), and the half-width of its interval, (g,)."""
HALVINGS = 48
"""Of a step of the grid: all digits that a double has."""


class Crossing(NamedTuple):
    """The dose at which the slope falls through the cost; an open end lies at what was tried."""

    point: float
    low: float
    high: float
    open_low: bool
    open_high: bool


def crossing(x: Floats, marginal: Marginal, cost: float) -> Crossing:
    """The crossing on a fine grid of doses ``x`` (g,), then halved down to the last digits.

    >>> found = crossing(np.linspace(0, 4, 9), lambda x: (3.14 - x, np.full_like(x, 0.5)), 0.0)
    >>> [round(each, 9) for each in found[:3]]
    [3.14, 2.64, 3.64]

    Raises:
        NotEstimable: the slope does not fall through the cost between the doses tried.
    """
    slope, reach = marginal(x)
    above = slope - cost
    falls = np.flatnonzero((above[:-1] > 0) & (above[1:] <= 0))
    if not falls.size:
        side = "above" if above.min() > 0 else "below" if above.max() <= 0 else "rising through"
        raise NotEstimable(
            f"the marginal return stays {side} the marginal cost of {cost:g} at all doses tried"
        )

    def pays(dose: float) -> bool:
        return bool(marginal(np.array([dose]))[0][0] > cost)

    def may_cross(dose: float) -> bool:
        (slope,), (reach,) = marginal(np.array([dose]))
        return bool(abs(slope - cost) <= reach)

    point = _turn(float(x[falls[0]]), float(x[falls[0] + 1]), pays)
    doses = np.sort(np.append(x[np.abs(above) <= reach], point))
    before, after = x[x < doses[0]], x[x > doses[-1]]
    return Crossing(
        point=point,
        low=_turn(float(doses[0]), float(before[-1]), may_cross) if before.size else float(x[0]),
        high=_turn(float(doses[-1]), float(after[0]), may_cross) if after.size else float(x[-1]),
        open_low=not before.size,
        open_high=not after.size,
    )


def _turn(inside: float, outside: float, holds: Callable[[float], bool]) -> float:
    """Where what holds ``inside`` ceases to hold on the way ``outside``."""
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def monotone(means: Floats, weight: Floats) -> Floats:
    """The closest nondecreasing means, (L,), by pool adjacent violators.

    >>> monotone(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 3.0])).tolist()
    [1.0, 2.25, 2.25]
    """
    pools: list[tuple[float, float, int]] = []
    for each, w in zip(means.tolist(), weight.tolist(), strict=True):
        pool = (each, w, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, mass, size = pools.pop()
            total = mass + pool[1]
            pool = ((mean * mass + pool[0] * pool[1]) / total, total, size + pool[2])
        pools.append(pool)
    return np.repeat([mean for mean, _, _ in pools], [size for _, _, size in pools])


def monotone_band(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The band of all nondecreasing curves inside simultaneous intervals [low, high], (L,) each.

    Raises:
        NotEstimable: there is none: the intervals contradict monotony.
    """
    below = np.maximum.accumulate(low)
    above = np.minimum.accumulate(high[::-1])[::-1]
    if (below > above).any():
        raise NotEstimable("no monotone curve lies within the levels' simultaneous intervals")
    return below, above
