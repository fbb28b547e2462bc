"""Moments: counts, sums and cross-products by arm, the centre of the analysis (R25).

A value that adds over disjoint sets of units, so maturity cohorts, partitions and engines merge.
Sums are of ``column - shift`` with one shift a column, near the column's mean, so a large mean
costs no digits (Chan, Golub and LeVeque 1983).

What is missing: a unit without the outcome is left out, and the caller counts it (R19). A unit
without a covariate makes that covariate's sums and products ``nan`` in its cell: nothing is
skipped in silence, and the estimator that needs the covariate refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Errors = Literal["HC0", "HC1", "HC2", "HC3"]
"""Kinds of heteroskedasticity-consistent errors (MacKinnon and White 1985)."""
ROUNDING = 1e-12
"""Share of a sum of squares below which a spread about the mean is rounding."""


class Cell(NamedTuple):
    """What moments are keyed by."""

    version: int
    phase: int
    arm: str
    stratum: str


class Request(NamedTuple):
    """Moments of one outcome jointly with its covariates, over the units that have the outcome."""

    outcome: str
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Moments of ``columns`` (the outcome first, then covariates) in each of ``cells``.

    Attributes:
        columns: k names.
        cells: g keys, sorted.
        shift: (k,) subtracted from each column before anything was summed.
        n: (g,) units.
        sums: (g, k) sums of the shifted columns.
        products: (g, k, k) sums of products of the shifted columns.
    """

    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    shift: Floats
    n: Counts
    sums: Floats
    products: Floats

    def __post_init__(self) -> None:
        g, k = len(self.cells), len(self.columns)
        found = (self.shift.shape, self.n.shape, self.sums.shape, self.products.shape)
        if found != ((k,), (g,), (g, k), (g, k, k)):
            raise InputError(
                f"moments of {g} cells and {k} columns have shapes {found}",
                do="give shift (k,), n (g,), sums (g, k) and products (g, k, k)",
            )
        if list(self.cells) != sorted(set(self.cells)):
            raise InputError("the cells of moments are not sorted, or repeat", do="sort them")
        if not (self.n > 0).all():
            raise InputError("a cell of moments has no units", do="leave empty cells out")
        if not np.isfinite(self.shift).all():
            raise InputError(f"moments are shifted by {self.shift}", do="shift by finite numbers")


def units_by_arm(*of: Moments) -> dict[str, int]:
    """Arm -> units, over all its cells."""
    found: dict[str, int] = {}
    for moments in of:
        for cell, units in zip(moments.cells, moments.n.tolist(), strict=True):
            found[cell.arm] = found.get(cell.arm, 0) + units
    return found


def cell_means(moments: Moments) -> Floats:
    """Mean of each column in each cell, (g, k)."""
    return moments.shift + moments.sums / moments.n[:, None]


def cell_scatters(moments: Moments) -> Floats:
    """Sums of products of deviations from the cell's own means, (g, k, k).

    A column's own spread below rounding is 0, and what goes with it, so that a constant is seen to
    be one.
    """
    sums, n = moments.sums, moments.n[:, None, None]
    scatters = moments.products - sums[:, :, None] * sums[:, None, :] / n
    diagonal = np.arange(len(moments.columns))
    own, raw = scatters[:, diagonal, diagonal], moments.products[:, diagonal, diagonal]
    constant = own <= ROUNDING * raw
    scatters[constant] = 0
    scatters.swapaxes(1, 2)[constant] = 0
    return scatters


def cell_covariances(moments: Moments) -> Floats:
    """Sample covariance in each cell, (g, k, k), with divisor n - 1; nan where n is 1."""
    freedom = (moments.n - 1.0)[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(freedom > 0, cell_scatters(moments) / freedom, np.nan)


def pooled_means(moments: Moments) -> Floats:
    """Mean of each column over all units, (k,)."""
    pooled: Floats = moments.shift + moments.sums.sum(axis=0) / moments.n.sum()
    return pooled


def pooled_scatter(n: Floats, means: Floats, scatters: Floats) -> Floats:
    """Sums of products of deviations from the common mean of cells, (..., k, k).

    Args:
        n: (..., c) units of each cell.
        means: (..., c, k).
        scatters: (..., c, k, k) about the cells' own means.
    """
    whole = n.sum(axis=-1)[..., None, None]
    away = means - (n[..., None] * means).sum(axis=-2, keepdims=True) / whole
    pooled: Floats = scatters.sum(axis=-3) + np.einsum("...c,...ci,...cj->...ij", n, away, away)
    return pooled


def select(moments: Moments, keep: Sequence[bool]) -> Moments:
    """The moments of the cells for which ``keep`` is true."""
    chosen = np.flatnonzero(np.asarray(keep, dtype=bool))
    return Moments(
        columns=moments.columns,
        cells=tuple(moments.cells[i] for i in chosen),
        shift=moments.shift,
        n=moments.n[chosen],
        sums=moments.sums[chosen],
        products=moments.products[chosen],
    )


def pool_strata(moments: Moments) -> Moments:
    """The same moments without regard to strata: cells of one version, phase and arm together.

    Only where an arm's propensity is the same in all strata of a phase (R26).
    """
    keys = [cell._replace(stratum="") for cell in moments.cells]
    cells = tuple(sorted(set(keys)))
    at = {cell: i for i, cell in enumerate(cells)}
    rows, k = [at[key] for key in keys], len(moments.columns)
    n = np.zeros(len(cells), np.int64)
    sums, products = np.zeros((len(cells), k)), np.zeros((len(cells), k, k))
    np.add.at(n, rows, moments.n)
    np.add.at(sums, rows, moments.sums)
    np.add.at(products, rows, moments.products)
    return Moments(
        columns=moments.columns,
        cells=cells,
        shift=moments.shift,
        n=n,
        sums=sums,
        products=products,
    )


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two disjoint sets of units together.

    Merging in any order agrees to rounding: the new shift is the mean of the old ones, weighted by
    units.

    Raises:
        InputError: they are not of the same columns.
    """
    if a.columns != b.columns:
        raise InputError(
            f"moments of {a.columns} and of {b.columns} do not add", do="ask for the same columns"
        )
    shift = a.shift + (b.shift - a.shift) * (b.n.sum() / (a.n.sum() + b.n.sum()))
    parts = (_shifted(a, shift), _shifted(b, shift))
    cells = tuple(sorted({*a.cells, *b.cells}))
    at = {cell: i for i, cell in enumerate(cells)}
    k = len(a.columns)
    n, sums, products = (
        np.zeros(len(cells), np.int64),
        np.zeros((len(cells), k)),
        np.zeros((len(cells), k, k)),
    )
    for part in parts:
        rows = [at[cell] for cell in part.cells]
        n[rows] += part.n
        sums[rows] += part.sums
        products[rows] += part.products
    return Moments(columns=a.columns, cells=cells, shift=shift, n=n, sums=sums, products=products)


def _shifted(moments: Moments, shift: Floats) -> Moments:
    """The same moments about another shift."""
    d = moments.shift - shift
    n = moments.n[:, None, None]
    cross = moments.sums[:, :, None] * d
    return Moments(
        columns=moments.columns,
        cells=moments.cells,
        shift=shift,
        n=moments.n,
        sums=moments.sums + moments.n[:, None] * d,
        products=moments.products + cross + cross.transpose(0, 2, 1) + n * np.outer(d, d),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class CellFit:
    """A least-squares fit within one cell, handed back to the engine for its second pass.

    The regressors are z = (1, x - centre); ``beta`` is (k+1,), ``gram_inverse`` is the inverse of
    the sum of z z', (k+1, k+1).
    """

    centre: Floats
    beta: Floats
    gram_inverse: Floats


class Fitted(NamedTuple):
    """A request with the fits of its cells, and the kind of their errors."""

    request: Request
    fits: Mapping[Cell, CellFit]
    errors: Errors = "HC2"


LEVERAGE_LEFT = 1e-10
"""Least 1 - h with which a residual says anything about the error."""
