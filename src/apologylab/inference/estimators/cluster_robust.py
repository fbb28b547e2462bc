"""Least squares with errors clustered: CR0, CR1, CR2 and Bell and McCaffrey's degrees of freedom.

The errors' formulas and sources stand in :mod:`apologylab.inference.between_clusters`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.between_clusters import (
    KINDS,
    Between,
    Kind,
    between,
    error_of,
    orthonormal,
    refuse_kind,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats


class ClusterFit(NamedTuple):
    """Coefficients (k,), and their errors between clusters."""

    beta: Floats
    errors: Between

    @property
    def covariance(self) -> Floats:
        """Of the coefficients, (k, k)."""
        return self.errors.covariance

    def std_error(self, c: Floats) -> float:
        """The standard error of c'beta, c (k,).

        Raises:
            NotEstimable: nothing varies in c'beta, as where each arm is one cluster.
        """
        return error_of(self.covariance, c)

    def df(self, c: Floats) -> float:
        """The degrees of freedom of c'beta, c (k,): G - 1, under CR2 Satterthwaite's."""
        return self.errors.df(c)


def cluster_robust(
    y: Floats, x: Floats, cluster: NDArray[np.generic], kind: Kind = "CR2"
) -> ClusterFit:
    """Least squares of y (n,) on x (n, k), with errors clustered by ``cluster`` (n,) labels.

    Raises:
        InputError: there is no such kind of errors, or a value is missing or infinite.
        NotEstimable: fewer than two clusters, or columns of x that determine each other.

    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> fit = cluster_robust(np.array([1.0, 3, 2, 4, 8, 3]), x, np.array([1, 1, 2, 3, 3, 4]))
    >>> round(fit.std_error(np.array([0.0, 1.0])), 6)
    1.414214
    """
    refuse_kind(kind, KINDS)
    if not np.isfinite(y).all():
        raise InputError("y is missing or infinite for some rows", do="leave them out")
    of = orthonormal(x, "columns of the regression determine each other")
    beta = of.back @ (of.q.T @ y)
    return ClusterFit(beta, between(of, y - x @ beta, cluster, kind))
