"""HC0 to HC3: the variance of each cell's intercept, from a second pass over its units.

A regression of y on z = (1, x - centre) within a cell, with G = sum z z', g_0 the first row of
G^-1, residuals e and leverages h = z' G^-1 z, gives its intercept the variance

    sum e^2 / (1 - h)^d (g_0 z)^2,    d = 0 for HC0 and HC1, 1 for HC2, 2 for HC3,

the corner of G^-1 (sum e^2 / (1 - h)^d z z') G^-1 (MacKinnon and White 1985). HC1 is HC0 times
n / (n - p) of the whole regression, which :func:`small_sample` gives. One number a unit is all
that has to be summed, and all but e is the same for outcomes that the same units have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apologylab.inference.moments import LEVERAGE_LEFT, CellFit, Errors, Floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.moments import Cell, Fitted

Codes = NDArray[np.intp]
DISCOUNT: Mapping[Errors, int] = {"HC0": 0, "HC1": 0, "HC2": 1, "HC3": 2}
"""The power of 1 - h by which a squared residual is divided."""


def small_sample(errors: Errors, n: int, p: int) -> float:
    """What multiplies the summed variance: n / (n - p) of the whole regression for HC1, else 1.

    >>> small_sample("HC1", 157, 4) == 157 / 153, small_sample("HC3", 157, 4)
    (True, 1.0)
    """
    return n / (n - p) if errors == "HC1" else 1.0


class Batch(NamedTuple):
    """Some units: columns by name, (n,) each, and the index of each unit's cell, (n,)."""

    columns: Mapping[str, Floats]
    code: Codes


@dataclass(frozen=True, kw_only=True, eq=False)
class _Regression:
    """One outcome's fits in g cells, side by side; nan in a cell that has none.

    Attributes:
        discount: the power d of 1 - h.
        centre: (g, k).
        beta: (g, k + 1).
        gram_inverse: (g, k + 1, k + 1).
    """

    outcome: str
    covariates: tuple[str, ...]
    discount: int
    centre: Floats
    beta: Floats
    gram_inverse: Floats


class _Regressors(NamedTuple):
    """z without its 1, k of (n,), and (g_0 z)^2 / (1 - h)^d, (n,)."""

    z: Sequence[Floats]
    weight: Floats


def hc_variances(
    fitted: Sequence[Fitted], cells: Sequence[Cell], batches: Iterable[Batch]
) -> list[dict[Cell, float]]:
    """The variance of the intercept in each cell of each fit, in their order, HC1 as HC0.

    Args:
        fitted: requests with the fits of their cells.
        cells: what the batches' codes are indices of.
        batches: every unit once, in any order; a unit in a cell without a fit is left out.
    """
    regressions = [_stacked(each, cells) for each in fitted]
    total = np.zeros((len(fitted), len(cells)))
    for batch in batches:
        total += list(_sums(regressions, batch, len(cells)))
    return [
        {cell: float(total[r, i]) for i, cell in enumerate(cells) if cell in each.fits}
        for r, each in enumerate(fitted)
    ]


def _stacked(fitted: Fitted, cells: Sequence[Cell]) -> _Regression:
    k = len(fitted.request.covariates)
    none = CellFit(
        centre=np.full(k, np.nan),
        beta=np.full(k + 1, np.nan),
        gram_inverse=np.full((k + 1, k + 1), np.nan),
    )
    fits = [fitted.fits.get(cell, none) for cell in cells]
    return _Regression(
        outcome=fitted.request.outcome,
        covariates=fitted.request.covariates,
        discount=DISCOUNT[fitted.errors],
        centre=np.stack([fit.centre for fit in fits]),
        beta=np.stack([fit.beta for fit in fits]),
        gram_inverse=np.stack([fit.gram_inverse for fit in fits]),
    )


def _sums(regressions: Sequence[_Regression], batch: Batch, g: int) -> Iterable[Floats]:
    """Sums by cell, (g,), of each regression; regressors that two of them share are made once."""
    known: list[tuple[_Regression, _Regressors]] = []
    for each in regressions:
        shared = next((made for other, made in known if _alike(each, other)), None)
        made = shared or _regressors(each, batch)
        if shared is None:
            known.append((each, made))
        yield _summed(each, made, batch, g)


def _alike(a: _Regression, b: _Regression) -> bool:
    """Whether two regressions weigh their squared residuals alike."""
    return (
        a.covariates == b.covariates
        and a.discount == b.discount
        and np.array_equal(a.centre, b.centre, equal_nan=True)
        and np.array_equal(a.gram_inverse, b.gram_inverse, equal_nan=True)
    )


def _regressors(regression: _Regression, batch: Batch) -> _Regressors:
    code = batch.code
    inverse, size = regression.gram_inverse, len(regression.covariates) + 1
    z = [
        batch.columns[name] - regression.centre[:, j].take(code)
        for j, name in enumerate(regression.covariates)
    ]

    def row(i: int) -> Floats:
        """G^-1 z, its element i."""
        total = inverse[:, i, 0].take(code)
        for j in range(1, size):
            total += inverse[:, i, j].take(code) * z[j - 1]
        return total

    first = row(0)
    left = 1 - first
    for i in range(1, size):
        left -= z[i - 1] * row(i)
    weight = np.square(first)
    for _ in range(regression.discount):
        weight /= left
    # A unit that decides its own fit says nothing about the error: its cell has no variance.
    weight[left < LEVERAGE_LEFT] = np.nan
    return _Regressors(z, weight)


def _summed(regression: _Regression, made: _Regressors, batch: Batch, g: int) -> Floats:
    """Sums by cell of e^2 (g_0 z)^2 / (1 - h)^d over the units that have the outcome.

    The intercept is subtracted first: it is near y, so a large mean costs no digits.
    """
    y, code, beta = batch.columns[regression.outcome], batch.code, regression.beta
    e = y - beta[:, 0].take(code)
    for j, z in enumerate(made.z, start=1):
        e -= beta[:, j].take(code) * z
    each = np.square(e) * made.weight
    missing = np.isnan(y)
    if missing.any():
        each, code = each[~missing], code[~missing]
    return np.bincount(code, weights=each, minlength=g).astype(np.float64, copy=False)
