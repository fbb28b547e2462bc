"""HC errors of a regression on one covariate out of the one scan: a series in the leverage.

In a cell let z = (1, x - centre), q(x) the fitted line, h(x) = z' G^-1 z the leverage and g(x) the
first entry of G^-1 z. The variance of the intercept is

    sum (y - q)^2 g^2 (1 - h)^-d,    (1 - h)^-1 = sum_r h^r,    (1 - h)^-2 = sum_r (r + 1) h^r.

q, g and h are polynomials in x, so cut off after h^R the sum is one of x^i y^j, i <= 4 + 2 R and
j <= 2, which add over units as moments do. They stand among the products of the columns

    x, x^2, .. x^(2 + R),  and  y, y x, .. y x^(1 + R),

so one request of moments has them all. HC0 and HC1 (d = 0) need no series and are exact.

What is cut off is below (R + 2) h^(R + 1) of the sum at the largest leverage: 6e-10 where that is
below 0.01 and R = 4. With a heavy tail it is not: on lognormal data of coefficient of variation 10
the truncated series is wrong by a third to three times, and even negative. So the largest leverage
is bounded in the same scan, by |x| <= (sum x^(4 + 2 R))^(1 / (4 + 2 R)), and where the bound is not
below 0.01, or powers about 0 would lose digits, the errors come from the second pass.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import Polynomial

from apologylab.inference.derived import Product
from apologylab.inference.hc import DISCOUNT
from apologylab.inference.moments import Request, cell_covariances, cell_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.derived import Derived
    from apologylab.inference.moments import CellFit, Errors, Floats, Moments

TERMS = 4
"""R: the highest power of the leverage that is kept."""
SMALL = 0.01
"""Largest leverage with which what is cut off does not matter."""
NEAR = (3.0, 1e3)
"""Up to which powers about 0 keep ten digits: |mean| / standard deviation of x, and of y |mean| or
standard deviation over that of the residuals."""


def terms(errors: Errors) -> int:
    """R for a kind of errors."""
    return TERMS if DISCOUNT[errors] else 0


def power_columns(y: str, x: str, errors: Errors) -> Mapping[str, Derived]:
    """The columns whose products have the sums, each made of the one before."""
    made: dict[str, Derived] = {}
    for names in _names(y, x, errors):
        for before, name in pairwise(names):
            made[name] = Product(factors=((before, 0.0, 1), (x, 0.0, 1)))
    return made


def power_request(y: str, x: str, errors: Errors) -> Request:
    """The moments that have the sums: of y with x .. x^(2 + R) and y x .. y x^(1 + R)."""
    of_x, of_y = _names(y, x, errors)
    return Request(y, (*of_x, *of_y[1:]))


def _names(y: str, x: str, errors: Errors) -> tuple[list[str], list[str]]:
    """The columns x, x^2 .. x^(2 + R) and y, y x .. y x^(1 + R)."""
    top = 2 + terms(errors)
    of_x = [x, *(f"{x}^{i}" for i in range(2, top + 1))]
    return of_x, [y, *(f"{y} * {x}^{i}" for i in range(1, top))]


def power_sums(moments: Moments) -> Floats:
    """Sums of x^i y^j by cell, (g, 5 + 2 R, 3), out of the moments of :func:`power_request`."""
    top = len(moments.columns) // 2
    exponents = [(0, 0), (0, 1), *((i, 0) for i in range(1, top + 1))]
    exponents += [(i, 1) for i in range(1, top)]
    gram = _gram(moments)
    table = np.zeros((len(moments.cells), 2 * top + 1, 3))
    for k, (i, j) in enumerate(exponents):
        for m, (more_i, more_j) in enumerate(exponents):
            table[:, i + more_i, j + more_j] = gram[:, k, m]
    return table


def _gram(moments: Moments) -> Floats:
    """Sums of products of 1 and the columns themselves, without their shifts, (g, 1 + k, 1 + k)."""
    n, shift = moments.n.astype(np.float64), moments.shift
    gram = np.empty((len(n), 1 + len(shift), 1 + len(shift)))
    gram[:, 0, 0] = n
    gram[:, 0, 1:] = gram[:, 1:, 0] = moments.sums + n[:, None] * shift
    moved = moments.sums[:, :, None] * shift
    both = n[:, None, None] * np.outer(shift, shift)
    gram[:, 1:, 1:] = moments.products + moved + moved.transpose(0, 2, 1) + both
    return gram


def leverage(fit: CellFit) -> Polynomial:
    """h(x), of degree 2."""
    z, g = Polynomial([-fit.centre[0], 1.0]), fit.gram_inverse
    h: Polynomial = g[0, 0] + 2 * g[0, 1] * z + g[1, 1] * z**2
    return h


def largest_leverage(fit: CellFit, sums: Floats) -> float:
    """A bound on the leverage of every unit of a cell with ``sums`` (5 + 2 R, 3); R > 0.

    No |x| is above the root of the sum of its highest even power, and h is convex.
    """
    top = len(sums) - 1
    reach = float(sums[top, 0] ** (1 / top))
    h = leverage(fit)
    return float(max(h(-reach), h(reach)))


def series_variance(fit: CellFit, sums: Floats, errors: Errors) -> float:
    """The variance of the intercept of a cell with ``sums`` (5 + 2 R, 3); HC1 comes as HC0."""
    z = Polynomial([-fit.centre[0], 1.0])
    q = fit.beta[0] + fit.beta[1] * z
    weight = (fit.gram_inverse[0, 0] + fit.gram_inverse[0, 1] * z) ** 2
    if discount := DISCOUNT[errors]:
        h = leverage(fit)
        weight = weight * sum((r + 1) ** (discount - 1) * h**r for r in range(TERMS + 1))
    by_power_of_y = (weight * q**2, -2 * weight * q, weight)
    return float(sum(each.coef @ sums[: len(each.coef), j] for j, each in enumerate(by_power_of_y)))


def unfit(moments: Moments) -> str:
    """Why powers about 0 of y and x would lose digits, out of their own moments; or nothing.

    Of y by what x leaves of it: residuals are a difference of what is summed.
    """
    covariances, means = cell_covariances(moments), np.abs(cell_means(moments))
    spread = np.sqrt(covariances.diagonal(axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):  # a cell without variance
        left = covariances[:, 0, 0] - covariances[:, 0, 1] ** 2 / covariances[:, 1, 1]
    size = np.maximum(means[:, 0], spread[:, 0])
    for name, limit, far, sd in zip(
        moments.columns,
        NEAR[::-1],
        (size, means[:, 1]),
        (np.sqrt(np.maximum(left, 0)), spread[:, 1]),
        strict=True,
    ):
        if (far > limit * sd).any():
            return f"{name} lies too far from 0"
    return ""
