"""Errors between clusters of a regression on orthonormal columns, and what they may be judged by.

With x = Q R, Q'Q = I, clusters g, residuals e and s_g = Q_g'e_g,

    V = q R^-1 [ sum_g t_g t_g' ] R^-T,    t_g = T_g s_g,

    CR0: T_g = I, q = 1;                 CR1: T_g = I, q = G / (G - 1);
    CR1S (Stata): T_g = I, q = G (N - 1) / ((G - 1) (N - k));
    CR2: T_g = (I - S_g)^(-1/2), q = 1, with S_g = Q_g'Q_g.

That is CR2 as it is known, with A_g = (I - H_gg)^(-1/2) and H = Q Q': for Q_g'A_g = T_g Q_g'. V is
unbiased where errors are alike and independent. A direction that one cluster alone decides is left
out (Moore-Penrose). Under that working model c'Vc is a quadratic form in the errors with matrix
Omega, and is taken as chi-square with Satterthwaite's tr(Omega)^2 / tr(Omega^2), where

    Omega = diag(t_g'S_g t_g) - F F',    t_g = T_g R^-T c,    F_g = S_g t_g.

Sources: Liang and Zeger 1986 (Biometrika 73); Bell and McCaffrey 2002 (Survey Methodology 28);
Pustejovsky and Tipton 2018 (Journal of Business and Economic Statistics 36), equations 5 to 11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.moments import ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

Kind = Literal["CR0", "CR1", "CR1S", "CR2"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ALONE = 1e-10
"""Least 1 - l with which a cluster's residuals say anything of the error in a direction."""
DETERMINED = 1e-11
"""Share of a column's size that the columns before it must leave."""

UNVARIED = "nothing varies between clusters in this coefficient: it has no error"


class Orthonormal(NamedTuple):
    """x = Q R: Q (n, k), and the inverse of R (k, k)."""

    q: Floats
    back: Floats


class Between(NamedTuple):
    """The covariance (k, k), and the clusters' S_g and T_g, (G, k, k) each."""

    covariance: Floats
    kind: Kind
    back: Floats
    grams: Floats
    twisted: Floats

    def df(self, c: Floats) -> float:
        """The degrees of freedom of c'beta, c (k,): G - 1, under CR2 Satterthwaite's.

        Raises:
            NotEstimable: clusters that are alone in their direction decide c'beta.
        """
        if self.kind != "CR2":
            return float(len(self.grams) - 1)
        t = self.twisted @ (self.back.T @ c)
        f = np.einsum("gij,gj->gi", self.grams, t)
        own, alone = (t * f).sum(axis=1), np.square(f).sum(axis=1)
        trace = float((own - alone).sum())
        if not trace > 0:
            raise NotEstimable(UNVARIED)
        square = float(np.square(own).sum() - 2 * own @ alone + np.square(f.T @ f).sum())
        return trace**2 / square


def orthonormal(x: Floats, why: str) -> Orthonormal:
    """The columns of x (n, k) made orthonormal.

    Raises:
        InputError: a value is missing or infinite.
        NotEstimable: ``why``: a column is a sum of those before it.
    """
    if not np.isfinite(x).all():
        raise InputError("a regressor is missing or infinite for some rows", do="leave them out")
    q, r = np.linalg.qr(x)
    if len(r) < x.shape[1] or (np.abs(np.diag(r)) <= DETERMINED * np.linalg.norm(x, axis=0)).any():
        raise NotEstimable(why, do="leave one out")
    return Orthonormal(q, np.linalg.inv(r))


def between(
    of: Orthonormal, residuals: Floats, cluster: NDArray[np.generic], kind: Kind
) -> Between:
    """The errors of a regression with ``residuals`` (n,) and ``cluster`` (n,) labels.

    Raises:
        NotEstimable: there are fewer than two clusters.
    """
    labels, group = np.unique(cluster, return_inverse=True)
    if len(labels) < 2:
        raise NotEstimable(f"there are {len(labels)} clusters: two are needed")
    q, back = of
    grams = _by_cluster(q[:, :, None] * q[:, None, :], group, len(labels))
    scores = _by_cluster(q * residuals[:, None], group, len(labels))
    # A cluster that decides a direction has a score of 0 there, but for rounding.
    scores[np.abs(scores) <= ROUNDING * np.linalg.norm(residuals)] = 0.0
    twisted = _twist(grams) if kind == "CR2" else np.broadcast_to(np.eye(q.shape[1]), grams.shape)
    added = np.einsum("gij,gj->gi", twisted, scores) @ back.T
    covariance = added.T @ added * _factor(kind, len(labels), *q.shape)
    return Between(covariance, kind, back, grams, twisted.astype(np.float64))


def error_of(covariance: Floats, c: Floats) -> float:
    """The standard error of c'beta, c (k,), from its covariance (k, k).

    Raises:
        NotEstimable: it is 0.
    """
    variance = c @ covariance @ c
    if not variance > 0:
        raise NotEstimable(UNVARIED)
    return float(variance**0.5)


def refuse_kind(kind: str, known: tuple[str, ...]) -> None:
    """Refuse an unknown kind of errors.

    Raises:
        InputError: as said.
    """
    if kind not in known:
        raise InputError(f"errors {kind!r} are not known", do=f"ask for one of {', '.join(known)}")


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


def _twist(grams: Floats) -> Floats:
    """T_g of each cluster, (G, k, k)."""
    share, u = np.linalg.eigh(grams)
    with np.errstate(divide="ignore", invalid="ignore"):  # where computes both sides
        grown = np.where(1 - share > ALONE, (1 - share) ** -0.5, 0.0)
    twisted: Floats = np.einsum("gij,gj,gkj->gik", u, grown, u)
    return twisted
