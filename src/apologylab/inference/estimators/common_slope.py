"""Covariates where units were drawn together: one slope, and errors between blocks or clusters.

With C_c the covariance of (y, x) within cell c (a phase, stratum and arm) of n_c units,

    theta = (sum_c (n_c - 1) C_c,xx)^-1 sum_c (n_c - 1) C_c,xy,
    y_i* = y_i - theta' (x_i - xbar),

and the arms' means of y* are compared by :mod:`.blocked` or :mod:`.clustered`, whose errors are of
what each set adds. theta is the slope of the regression of y on x and the cells. Its own error is
of second order, for it multiplies a difference of means of x that the draw holds near 0, so theta
is taken as given; with few sets of many covariates that flatters: at least ten sets to a covariate
are asked for.

One slope is best where effects do not vary with x or arms are of one size. With very unequal arms
and effects that vary it may be less precise than no adjustment, which its error then shows; it is
never biased by more than of the order of one over the number of sets (Freedman 2008).

Sources: Deng, Xu, Kohavi and Walker 2013 (WSDM) for theta; Fogarty 2018 (Journal of the Royal
Statistical Society B 80) for pairs and fine strata; Su and Ding 2021 (Journal of the Royal
Statistical Society B 83) for clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Floats, Moments, cell_scatters

if TYPE_CHECKING:
    from collections.abc import Sequence

SETS_EACH = 10
"""Sets to a covariate, at least."""
COLLINEAR = 1e-10
"""Smallest admitted eigenvalue of the covariates' correlations within cells."""


def no_slope(moments: Moments, arms: Sequence[str], sets: int) -> str:
    """Why there is no common slope, or nothing; ``sets`` is how many blocks or clusters there are.

    A covariate that a unit lacks has none: xbar is over all units.
    """
    names = moments.columns[1:]
    squares = moments.products.diagonal(axis1=1, axis2=2)
    for i, name in enumerate(names, start=1):
        if not np.isfinite(squares[:, i]).all():
            return f"covariate {name} is missing or not finite for some units"
    if sets < SETS_EACH * len(names):
        return f"{sets} sets are too few for {len(names)} slopes"
    within = _within(moments, arms)[1:, 1:]
    spread = np.sqrt(np.diag(within))
    if constant := [name for name, s in zip(names, spread, strict=True) if s == 0]:
        return f"covariate {constant[0]} does not vary"
    if np.linalg.eigvalsh(within / np.outer(spread, spread))[0] < COLLINEAR:
        return f"covariates {', '.join(names)} are collinear"
    return ""


def common_slope(moments: Moments, arms: Sequence[str]) -> Floats:
    """theta, (k,), over the cells of ``arms``; there is one (:func:`no_slope`)."""
    within = _within(moments, arms)
    theta = np.linalg.solve(within[1:, 1:], within[1:, 0])
    return np.asarray(theta, dtype=np.float64)


def _within(moments: Moments, arms: Sequence[str]) -> Floats:
    """Sums of products of deviations from their cells' means, over the cells of ``arms``."""
    mine = [cell.arm in arms for cell in moments.cells]
    total: Floats = np.asarray(cell_scatters(moments)[np.array(mine)].sum(axis=0), np.float64)
    return total
