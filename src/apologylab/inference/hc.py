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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.moments import LEVERAGE_LEFT, Errors, Floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from apologylab.inference.moments import Cell, Fitted
    from apologylab.inference.slabs import Slab

    Over = Callable[
        [Callable[[Slab], tuple[Slab, list[Floats]]], Iterable[Slab]],
        Iterable[tuple[Slab, list[Floats]]],
    ]
UNITS = 4_096
"""Units taken at once: what is made of them stays in the processor's cache."""
DISCOUNT: Mapping[Errors, int] = {"HC0": 0, "HC1": 0, "HC2": 1, "HC3": 2}
"""The power of 1 - h by which a squared residual is divided."""


def small_sample(errors: Errors, n: int, p: int) -> float:
    """What multiplies the summed variance: n / (n - p) of the whole regression for HC1, else 1.

    >>> small_sample("HC1", 157, 4) == 157 / 153, small_sample("HC3", 157, 4)
    (True, 1.0)
    """
    return n / (n - p) if errors == "HC1" else 1.0


class _Regressors(NamedTuple):
    """What the outcomes of one cell share that have the same leverages.

    Attributes:
        rows: (k,) the covariates' rows in a slab.
        discount: the power d of 1 - h.
        centre: (k,).
        gram_inverse: (k + 1, k + 1).
    """

    rows: tuple[int, ...]
    discount: int
    centre: Floats
    gram_inverse: Floats


class _Group(NamedTuple):
    """Fits of one cell with their regressors: which they are, rows and beta (m, k + 1)."""

    regressors: _Regressors
    which: list[int]
    rows: list[int]
    beta: Floats


def hc_variances(
    fitted: Sequence[Fitted],
    cells: Sequence[Cell],
    slabs: Iterable[Slab],
    names: Sequence[str],
    shift: Floats,
    over: Over = map,
) -> list[dict[Cell, float]]:
    """The variance of the intercept in each cell of each fit, in their order, HC1 as HC0.

    Args:
        fitted: requests with the fits of their cells.
        cells: what the slabs' cells are indices of.
        slabs: every unit once, in any order; a unit in a cell without a fit is left out.
        names: of the slabs' columns.
        shift: taken off each of them.
        over: how work is done on all slabs: ``map``, or one with threads.
    """
    groups = [_groups(fitted, cell, names, shift) for cell in cells]
    total = np.zeros((len(fitted), len(cells)))

    def work(slab: Slab) -> tuple[Slab, list[Floats]]:
        return slab, [_sums(group, slab.numbers) for group in groups[slab.cell]]

    for slab, sums in over(work, slabs):
        for group, added in zip(groups[slab.cell], sums, strict=True):
            total[group.which, slab.cell] += added
    return [
        {cell: float(total[r, i]) for i, cell in enumerate(cells) if cell in each.fits}
        for r, each in enumerate(fitted)
    ]


def _groups(
    fitted: Sequence[Fitted], cell: Cell, names: Sequence[str], shift: Floats
) -> list[_Group]:
    """The fits of one cell, those of the same leverages together."""
    groups: list[_Group] = []
    for which, each in enumerate(fitted):
        if cell not in each.fits:
            continue
        fit, request = each.fits[cell], each.request
        y, *x = (names.index(name) for name in (request.outcome, *request.covariates))
        rows = tuple(1 + row for row in x)
        made = _Regressors(rows, DISCOUNT[each.errors], fit.centre - shift[x], fit.gram_inverse)
        beta = np.array([[fit.beta[0] - shift[y], *fit.beta[1:]]])
        alike = [i for i, group in enumerate(groups) if _alike(group.regressors, made)]
        if not alike:
            groups.append(_Group(made, [which], [1 + y], beta))
            continue
        old = groups[alike[0]]
        groups[alike[0]] = _Group(
            old.regressors, [*old.which, which], [*old.rows, 1 + y], np.vstack([old.beta, beta])
        )
    return groups


def _alike(a: _Regressors, b: _Regressors) -> bool:
    """Whether two regressions weigh their squared residuals alike."""
    return (
        a.rows == b.rows
        and a.discount == b.discount
        and np.array_equal(a.centre, b.centre)
        and np.array_equal(a.gram_inverse, b.gram_inverse)
    )


def _sums(group: _Group, numbers: Floats) -> Floats:
    """Sums of e^2 (g_0 z)^2 / (1 - h)^d over a slab's units, (m,) for the outcomes of a group.

    The intercept is subtracted first: it is near y, so a large mean costs no digits.
    """
    total = np.zeros(len(group.which))
    made, beta = group.regressors, group.beta
    for start in range(0, numbers.shape[1], UNITS):
        taken = numbers[:, start : start + UNITS]
        z = taken[made.rows, :] - made.centre[:, None]
        y = taken[group.rows]
        e = y - beta[:, :1] - beta[:, 1:] @ z
        total += _weighed(np.square(e), _weight(made, z), y)
    return total


def _weight(made: _Regressors, z: Floats) -> Floats:
    """(g_0 z)^2 / (1 - h)^d, (n,), for z of (k, n) without its 1."""
    inverse = made.gram_inverse
    lever = inverse[:, 1:] @ z
    lever += inverse[:, :1]
    left = 1 - lever[0] - np.einsum("kn,kn->n", lever[1:], z)
    weight: Floats = np.square(lever[0])
    with np.errstate(divide="ignore", invalid="ignore"):  # of leverage 1, which is nan below
        for _ in range(made.discount):
            weight /= left
    # A unit that decides its own fit says nothing about the error: its cell has no variance.
    weight[left < LEVERAGE_LEFT] = np.nan
    return weight


def _weighed(squares: Floats, weight: Floats, y: Floats) -> Floats:
    """Weighted sums, (m,), of squares (m, n) over the units that have each outcome."""
    total: Floats = squares @ weight
    for i in np.flatnonzero(np.isnan(total)):
        has = ~np.isnan(y[i])
        total[i] = squares[i, has] @ weight[has]
    return total
