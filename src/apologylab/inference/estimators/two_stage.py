"""Two-stage least squares with robust and clustered errors.

With instruments Z (n, l), regressors X (n, k), l >= k, and P = Z (Z'Z)^-1 Z',

    Xh = P X,    M = (Xh'Xh)^-1,    b = M Xh'y,    e = y - X b,    h_i = Xh_i' M Xh_i,

    V = q M [ sum_i w_i e_i^2 Xh_i Xh_i' ] M:

    classical: e'e / (n - k) M;        HC0: w = 1, q = 1;        HC1: w = 1, q = n / (n - k);
    HC2: w = 1 / (1 - h), q = 1;       CR0: sums of Xh_i e_i by cluster in place of single ones;
    CR1S: CR0 with q = G (n - 1) / ((G - 1) (n - k)), Stata's.

Sources: Theil 1953; White 1982 (Econometrica 50); Cameron and Miller 2015 (Journal of Human
Resources 50).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

Errors = Literal["classical", "HC0", "HC1", "HC2", "CR0", "CR1S"]


class TwoStage(NamedTuple):
    """Coefficients (k,) and their covariance (k, k)."""

    beta: Floats
    covariance: Floats


def two_stage(
    y: Floats,
    x: Floats,
    z: Floats,
    errors: Errors = "HC2",
    cluster: NDArray[np.generic] | None = None,
) -> TwoStage:
    """Two-stage least squares of y (n,) on x (n, k) with instruments z (n, l).

    Columns of x that are their own instruments, such as the constant, stand in z too.

    Raises:
        InputError: clustered errors without ``cluster`` (n,) labels.
        NotEstimable: the instruments do not determine the coefficients.

    >>> z = np.array([0.0, 0, 0, 1, 1, 1])
    >>> d = np.array([0.0, 0, 1, 1, 1, 0])
    >>> one = np.ones(6)
    >>> y = np.array([1.0, 2, 3, 4, 5, 3])
    >>> two_stage(y, np.column_stack([one, d]), np.column_stack([one, z])).beta.round(9).tolist()
    [0.0, 6.0]
    """
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    if np.linalg.matrix_rank(fitted) < x.shape[1]:
        raise NotEstimable("the instruments do not determine the coefficients")
    inverse = np.linalg.inv(fitted.T @ fitted)
    beta = inverse @ fitted.T @ y
    e = y - x @ beta
    n, k = x.shape
    if errors == "classical":
        return TwoStage(beta, inverse * float(e @ e) / (n - k))
    scores = fitted * e[:, None]
    if errors == "HC2":
        scores = scores / np.sqrt(1 - np.einsum("ni,ij,nj->n", fitted, inverse, fitted))[:, None]
    factor = n / (n - k) if errors == "HC1" else 1.0
    if errors in ("CR0", "CR1S"):
        scores = _summed(scores, cluster)
        g = len(scores)
        factor = g * (n - 1) / ((g - 1) * (n - k)) if errors == "CR1S" else 1.0
    return TwoStage(beta, inverse @ (scores.T @ scores * factor) @ inverse)


def _summed(scores: Floats, cluster: NDArray[np.generic] | None) -> Floats:
    if cluster is None:
        raise InputError("clustered errors were asked for without clusters", do="give them")
    labels, group = np.unique(cluster, return_inverse=True)
    total = np.zeros((len(labels), scores.shape[1]))
    np.add.at(total, group, scores)
    return total
