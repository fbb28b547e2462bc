"""Least squares with errors clustered: CR0, CR1, CR2 and Bell and McCaffrey's degrees of freedom.

With clusters g, X_g (n_g, k) and e_g the residuals of beta = M X'y, M = (X'X)^-1, H = X M X',

    V = q M [ sum_g X_g' A_g e_g e_g' A_g' X_g ] M,

    CR0: A_g = I, q = 1;                 CR1: A_g = I, q = G / (G - 1);
    CR1S (Stata): A_g = I, q = G (N - 1) / ((G - 1) (N - k));
    CR2: A_g = (I - H_gg)^(-1/2), q = 1, so that V is unbiased where errors are alike and
    independent; a direction that one cluster alone decides is left out (Moore-Penrose).

Under that working model c'Vc is a quadratic form in the errors with matrix Omega, and is taken as
chi-square with Satterthwaite's degrees of freedom tr(Omega)^2 / tr(Omega^2),

    Omega_gh = p_g' p_h,    p_g = (I - H)_g' A_g X_g M c        for CR2;    G - 1 for the others.

Nothing of it needs more of a cluster than S_g = X_g'X_g and s_g = X_g'e_g: with M = R R' and
R'S_g R = U L U',

    X_g' A_g e_g = (I + S_g B_g) s_g,    A_g X_g = X_g (I + B_g S_g),
    B_g = R U diag(((1 - l)^(-1/2) - 1) / l) U' R'.

Sources: Liang and Zeger 1986 (Biometrika 73); Bell and McCaffrey 2002 (Survey Methodology 28);
Pustejovsky and Tipton 2018 (Journal of Business and Economic Statistics 36), equations 5 to 11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

Kind = Literal["CR0", "CR1", "CR1S", "CR2"]
ALONE = 1e-10
"""Least 1 - l with which a cluster's residuals say anything of the error in a direction."""


class ClusterFit(NamedTuple):
    """Coefficients (k,), their covariance (k, k), and what degrees of freedom are counted from.

    ``grams`` (G, k, k) are the clusters' S_g, ``twisted`` (G, k, k) their I + B_g S_g.
    """

    beta: Floats
    covariance: Floats
    kind: Kind
    grams: Floats
    twisted: Floats

    def std_error(self, c: Floats) -> float:
        """The standard error of c'beta, c (k,)."""
        return float((c @ self.covariance @ c) ** 0.5)

    def df(self, c: Floats) -> float:
        """The degrees of freedom of c'beta, c (k,)."""
        if self.kind != "CR2":
            return float(len(self.grams) - 1)
        return satterthwaite(self.grams, self.twisted, c)


def cluster_robust(
    y: Floats, x: Floats, cluster: NDArray[np.generic], kind: Kind = "CR2"
) -> ClusterFit:
    """Least squares of y (n,) on x (n, k), with errors clustered by ``cluster`` (n,) labels.

    Raises:
        NotEstimable: fewer than two clusters, or columns of x that determine each other.

    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> fit = cluster_robust(np.array([1.0, 3, 2, 4, 8, 3]), x, np.array([1, 1, 2, 3, 3, 4]))
    >>> round(fit.std_error(np.array([0.0, 1.0])), 6)
    1.414214
    """
    labels, group = np.unique(cluster, return_inverse=True)
    if len(labels) < 2:
        raise NotEstimable(f"there are {len(labels)} clusters: two are needed")
    grams = _by_cluster(x[:, :, None] * x[:, None, :], group, len(labels))
    whole = x.T @ x
    if np.linalg.matrix_rank(whole) < x.shape[1]:
        raise NotEstimable("columns of the regression determine each other", do="leave one out")
    beta = np.linalg.solve(whole, x.T @ y).astype(np.float64)
    scores = _by_cluster(x * (y - x @ beta)[:, None], group, len(labels))
    inverse = np.linalg.inv(whole)
    same: Floats = np.broadcast_to(np.eye(x.shape[1]), grams.shape).astype(np.float64)
    twisted = twist(grams) if kind == "CR2" else same
    adjusted = np.einsum("gji,gj->gi", twisted, scores)
    meat = adjusted.T @ adjusted * _factor(kind, len(labels), *x.shape)
    return ClusterFit(beta, inverse @ meat @ inverse, kind, grams, twisted)


def _by_cluster(rows: Floats, group: NDArray[np.intp], size: int) -> Floats:
    """Sums of ``rows`` (n, ...) by cluster, (G, ...)."""
    total = np.zeros((size, *rows.shape[1:]))
    np.add.at(total, group, rows)
    return total


def _factor(kind: Kind, clusters: int, n: int, k: int) -> float:
    if kind in ("CR0", "CR2"):
        return 1.0
    small = clusters / (clusters - 1)
    return small if kind == "CR1" else small * (n - 1) / (n - k)


def twist(grams: Floats) -> Floats:
    """I + B_g S_g of each cluster, (G, k, k), from ``grams`` S_g (G, k, k)."""
    root = np.linalg.inv(np.linalg.cholesky(grams.sum(axis=0))).T
    share, u = np.linalg.eigh(root.T @ grams @ root)
    left = 1 - share
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.where(left > ALONE, left**-0.5, 0.0)
        b = np.where(share > ALONE, (grown - 1) / share, 0.5)
    turned = root @ u
    between = np.einsum("gij,gj,gkj->gik", turned, b, turned)
    twisted: Floats = np.eye(grams.shape[1]) + between @ grams
    return twisted


def satterthwaite(grams: Floats, twisted: Floats, c: Floats) -> float:
    """tr(Omega)^2 / tr(Omega^2) of c'beta under CR2.

    Omega = diag(t_g'S_g t_g) - F F' with t_g = (I + B_g S_g) M c and F_g = R'S_g t_g.
    """
    whole = grams.sum(axis=0)
    root = np.linalg.inv(np.linalg.cholesky(whole)).T
    t = twisted @ np.linalg.solve(whole, c)
    moved = np.einsum("gij,gj->gi", grams, t)
    own, f = (t * moved).sum(axis=1), moved @ root
    alone = np.square(f).sum(axis=1)
    trace = float((own - alone).sum())
    square = float(np.square(own).sum() - 2 * own @ alone + np.square(f.T @ f).sum())
    return trace**2 / square
