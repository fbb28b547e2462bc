"""Lin's covariate adjustment: the fully interacted regression, with HC0 to HC3 errors.

Regress y on arm indicators, covariates centred over **all** arms analysed together (R29), and all
their interactions, within each block. Fully interacted, the regression falls apart into one
regression a cell, of y on z = (1, x - xbar), and the arm's adjusted mean is its intercept:

    m_a = ybar_a + (xbar - xbar_a)' b_a,    b_a = C_xx^-1 C_xy within the arm,
    V_aa = [G^-1 (sum e^2 / (1 - h)^d z z') G^-1]_00,    G = sum z z',  h = z' G^-1 z,

with d = 1 (HC2; 0 for HC0 and HC1, 2 for HC3). V_aa takes one second pass over the units, exact
(:meth:`Source.hc_variances`).
Over blocks the means are post-stratified as in :mod:`.difference_in_means`.

xbar is taken as given, as the regression programs do (statsmodels, estimatr's ``lm_lin``): the
estimand is the mean over the units that were enrolled, whose xbar is known. For the population of
which these are a sample ``over_population`` adds b_a' C b_c / n to the covariance of two arms, C
the covariance of x over all arms; to a contrast it adds d' C d / n with d the contrast of the
slopes, 0 when effects do not vary with x. With HC0 that is the error of Stata's ``teffects ra``
but for a product of residuals and slopes, which is 0 in expectation where arms are randomised.

Degrees of freedom are n - p of the whole regression, as in ``lm_lin``. They flatter a contrast of
small arms; the difference in means beside it has Welch's.

Sources: Lin 2013 (Annals of Applied Statistics 7); MacKinnon and White 1985 (HC0 to HC3); Negi and
Wooldridge 2021 for the extra term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import Layout, block_of, blocks, lay_out
from apologylab.inference.hc import small_sample
from apologylab.inference.moments import (
    Cell,
    CellFit,
    Errors,
    Floats,
    Moments,
    cell_means,
    cell_scatters,
    pooled_scatter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLLINEAR = 1e-10
"""Smallest admitted eigenvalue of the columns' correlations within a cell."""


def unadjustable(moments: Moments, arms: Sequence[str]) -> dict[str, str]:
    """Arms whose adjusted mean cannot be estimated, and why.

    A covariate that one unit lacks refuses them all: xbar is over all arms.
    """
    if missing := _missing(moments):
        return dict.fromkeys(arms, missing)
    scatters = cell_scatters(moments)
    mine = [cell.arm in arms for cell in moments.cells]
    if not scatters[mine, 0, 0].any():
        return dict.fromkeys(
            arms, f"the variance is 0: {moments.columns[0]} is the same for all of an arm"
        )
    reasons: dict[str, str] = {}
    for cell, n, scatter in zip(moments.cells, moments.n, scatters, strict=True):
        if cell.arm in arms and (why := _why_not(moments.columns, int(n), scatter)):
            reasons.setdefault(cell.arm, f"{why} in {cell.arm}, {block_of(cell)}")
    return reasons


def _missing(moments: Moments) -> str:
    squares = moments.products.diagonal(axis1=1, axis2=2)
    for i, name in enumerate(moments.columns[1:], start=1):
        lacking = np.flatnonzero(~np.isfinite(squares[:, i]))
        if lacking.size:
            arm = moments.cells[lacking[0]].arm
            return f"covariate {name} is missing or not finite for some units of {arm}"
    return ""


def _why_not(columns: Sequence[str], n: int, scatter: Floats) -> str:
    outcome, *covariates = columns
    if n < len(covariates) + 3:
        return f"{n} units are too few for {len(covariates)} slopes"
    spread = np.sqrt(np.diag(scatter))
    if constant := [x for x, s in zip(covariates, spread[1:], strict=True) if s == 0]:
        return f"covariate {constant[0]} does not vary"
    if _collinear(scatter[1:, 1:], spread[1:]):
        return f"covariates {', '.join(covariates)} are collinear"
    if spread[0] > 0 and _collinear(scatter, spread):
        return f"{outcome} is a sum of the covariates, so nothing is left to judge an effect by"
    return ""


def _collinear(scatter: Floats, spread: Floats) -> bool:
    return bool(np.linalg.eigvalsh(scatter / np.outer(spread, spread))[0] < COLLINEAR)


def fit_cells(moments: Moments, arms: Sequence[str]) -> dict[Cell, CellFit]:
    """The regression within each cell of ``arms``, about its block's covariate means."""
    layout = lay_out(moments, arms)
    centres = dict(zip(blocks(moments.cells), layout.means[:, 1:], strict=True))
    means, scatters = cell_means(moments), cell_scatters(moments)
    return {
        moments.cells[i]: _fit(
            int(moments.n[i]), means[i], scatters[i], centres[block_of(moments.cells[i])]
        )
        for i in layout.rows.ravel()
    }


def _fit(n: int, mean: Floats, scatter: Floats, centre: Floats) -> CellFit:
    """One cell: ``mean`` (k,) and ``scatter`` (k, k) of (y, x); G inverted by blocks."""
    inverse = np.linalg.inv(scatter[1:, 1:])
    slopes = inverse @ scatter[1:, 0]
    d = mean[1:] - centre
    lever = inverse @ d
    corner = np.array([[1 / n + d @ lever]])
    return CellFit(
        centre=centre,
        beta=np.concatenate(([mean[0] - d @ slopes], slopes)),
        gram_inverse=np.block([[corner, -lever[None, :]], [-lever[:, None], inverse]]),
    )


def lin(
    moments: Moments,
    arms: Sequence[str],
    fits: Mapping[Cell, CellFit],
    variance: Mapping[Cell, float],
    errors: Errors = "HC2",
    *,
    over_population: bool = False,
) -> ArmMeans:
    """Adjusted means of ``moments``' first column under each of ``arms``.

    Args:
        moments: of the outcome and its covariates.
        arms: those that are neither ``unable`` nor ``unadjustable``.
        fits: from :func:`fit_cells`.
        variance: of the intercepts, from the source's second pass over the same cells.
        errors: the kind that ``variance`` has.
        over_population: whether the mean is over the population that was enrolled from.
    """
    layout = lay_out(moments, arms)
    cells = [[moments.cells[i] for i in row] for row in layout.rows]
    intercepts = np.array([[fits[cell].beta[0] for cell in row] for row in cells])
    varies = cell_scatters(moments)[layout.rows][..., 0, 0] > 0
    summed = np.array([[variance[cell] for cell in row] for row in cells]) * varies
    n = moments.n[layout.rows]
    share = layout.share[:, None]
    freedom = (n - len(moments.columns)).astype(np.float64)
    factor = small_sample(errors, int(n.sum()), n.size * len(moments.columns))
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="lin",
        arms=layout.arms,
        n=n.sum(axis=0),
        means=(share * intercepts).sum(axis=0),
        variances=np.square(share) * summed * factor,
        freedom=freedom,
        df=float(freedom.sum()),
        shared=_shared(moments, layout, fits) if over_population else None,
    )


def _shared(moments: Moments, layout: Layout, fits: Mapping[Cell, CellFit]) -> Floats:
    """What a sampled xbar adds: share^2 b_a' C b_c / n in each block, (b, a, a)."""
    slopes = np.array([[fits[moments.cells[i]].beta[1:] for i in row] for row in layout.rows])
    n = moments.n[layout.rows].astype(np.float64)
    units = n.sum(axis=1)
    scatter = pooled_scatter(
        n,
        cell_means(moments)[layout.rows][..., 1:],
        cell_scatters(moments)[layout.rows][..., 1:, 1:],
    )
    covariance = scatter / (units - 1)[:, None, None]
    each: Floats = np.einsum("bak,bkl,bcl->bac", slopes, covariance, slopes)
    scaled: Floats = each * (np.square(layout.share) / units)[:, None, None]
    return scaled
