"""Two-stage least squares with robust and clustered errors.

With instruments Z (n, l), regressors X (n, k), l >= k, and P = Z (Z'Z)^-1 Z',

    Xh = P X,    M = (Xh'Xh)^-1,    b = M Xh'y,    e = y - X b,    h_i = Xh_i' M Xh_i,

    V = q M [ sum_i w_i e_i^2 Xh_i Xh_i' ] M:

    classical: e'e / (n - k) M;        HC0: w = 1, q = 1;        HC1: w = 1, q = n / (n - k);
    HC2: w = 1 / (1 - h), q = 1;       HC3: w = 1 / (1 - h)^2, q = 1;
    CR0, CR1, CR1S (Stata's), CR2: those of :mod:`apologylab.inference.between_clusters`, with Xh
    for x and these e.

Degrees of freedom are n - k, of CR0 and CR1 G - 1, of CR2 Satterthwaite's.

Sources: Theil 1953; White 1982 (Econometrica 50); Cameron and Miller 2015 (Journal of Human
Resources 50); Pustejovsky and Tipton 2018 for CR2 (as R's clubSandwich and estimatr have it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.between_clusters import (
    KINDS,
    Between,
    Kind,
    Orthonormal,
    between,
    error_of,
    orthonormal,
    refuse_kind,
)
from apologylab.inference.hc import DISCOUNT, small_sample
from apologylab.inference.moments import LEVERAGE_LEFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

Single = Literal["classical", "HC0", "HC1", "HC2", "HC3"]
SINGLE: tuple[Single, ...] = get_args(Single)


class TwoStage(NamedTuple):
    """Coefficients (k,), their covariance (k, k), n - k, and the errors if between clusters."""

    beta: Floats
    covariance: Floats
    freedom: float
    errors: Between | None = None

    def std_error(self, c: Floats) -> float:
        """The standard error of c'beta, c (k,).

        Raises:
            NotEstimable: nothing varies in c'beta.
        """
        return error_of(self.covariance, c)

    def df(self, c: Floats) -> float:
        """The degrees of freedom of c'beta, c (k,)."""
        return self.freedom if self.errors is None else self.errors.df(c)


def two_stage(
    y: Floats,
    x: Floats,
    z: Floats,
    errors: Single | Kind = "HC2",
    cluster: NDArray[np.generic] | None = None,
) -> TwoStage:
    """Two-stage least squares of y (n,) on x (n, k) with instruments z (n, l).

    Columns of x that are their own instruments, such as the constant, stand in z too.

    Raises:
        InputError: there are no such errors, clustered ones come without ``cluster`` (n,) labels,
            or a value is missing or infinite.
        NotEstimable: the instruments do not determine the coefficients, fewer than two clusters,
            or a row that alone decides a coefficient (HC2, HC3).

    >>> z = np.array([0.0, 0, 0, 1, 1, 1])
    >>> d = np.array([0.0, 0, 1, 1, 1, 0])
    >>> one = np.ones(6)
    >>> y = np.array([1.0, 2, 3, 4, 5, 3])
    >>> two_stage(y, np.column_stack([one, d]), np.column_stack([one, z])).beta.round(6).tolist()[1]
    6.0
    """
    refuse_kind(errors, (*SINGLE, *KINDS))
    if not all(np.isfinite(each).all() for each in (y, x, z)):
        raise InputError("y, x or z is missing or infinite for some rows", do="leave them out")
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    of = orthonormal(fitted, "the instruments do not determine the coefficients")
    beta = of.back @ (of.q.T @ y)
    e, freedom = y - x @ beta, float(len(y) - x.shape[1])
    if errors in SINGLE:
        return TwoStage(beta, _single(of, e, errors), freedom)
    if cluster is None:
        raise InputError("clustered errors were asked for without clusters", do="give them")
    found = between(of, e, cluster, cast("Kind", errors))
    return TwoStage(beta, found.covariance, freedom, found)


def _single(of: Orthonormal, e: Floats, errors: Single) -> Floats:
    """The covariance (k, k) from residuals e (n,) that are independent."""
    q, back = of
    n, k = q.shape
    covariance: Floats
    if errors == "classical":
        covariance = back @ back.T * float(e @ e) / (n - k)
        return covariance
    left, discount = 1 - np.square(q).sum(axis=1), DISCOUNT[errors]
    if discount and left.min() < LEVERAGE_LEFT:
        raise NotEstimable(f"one row alone decides a coefficient: it has no {errors} variance")
    scores = q @ back.T * (e / left ** (discount / 2))[:, None]
    covariance = scores.T @ scores * small_sample(errors, n, k)
    return covariance
