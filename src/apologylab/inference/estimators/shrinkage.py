r"""Shrinkage of several effects towards each other: the normal-normal model, with its prior.

k estimated effects y with known joint covariance V (arms share one reference, so V is full) and

    y | theta ~ N(theta, V),    theta_j ~ N(mu, tau^2),  independent.

Given tau, with S = V + tau^2 I, P = S^-1 and one vector 1,

    mu^ = 1'Py / 1'P1,    E theta = mu^ 1 + tau^2 P (y - mu^ 1),
    Var theta = tau^2 I - tau^4 P + r r' / 1'P1,   r = 1 - tau^2 P 1,

whose last term is for mu having been estimated. *Empirical Bayes* takes the tau that maximises the
restricted likelihood, -1/2 (log|S| + log 1'P1 + (y - mu^)'P(y - mu^)). Where few effects say little
of tau that is often 0, and intervals that take it for known are too short; *integrated* averages
over tau with a flat prior (p(tau | y) is proportional to the restricted likelihood), which needs
k >= 3. Towards zero instead of mu: mu^ = 0, no last term, k >= 2.

Sources: Morris 1983 (JASA 78); Gelman 2006 (Bayesian Analysis 1) for the flat prior on tau; Rubin
1981 for the schools; Kackar and Harville 1984 for the term of mu.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.moments import Floats
from apologylab.inference.special import ndtr

Towards = Literal["mean", "zero"]
NODES = 96
"""Nodes of the Gauss-Legendre rule over tau."""
RANK = 1e-12
"""Least share of the largest eigenvalue of V below which an effect has no error."""
FLAT = 1e-9
"""Gain in log likelihood below which a spread is none."""
REFINEMENTS = 14
"""Each narrows the bracket of tau tenfold."""


class Given(NamedTuple):
    """The model given each of t values of tau.

    ``mu`` and ``mu_error`` (t,), theta's ``means`` (t, k) and ``covariances`` (t, k, k), and the
    (restricted) ``log_likelihood`` (t,).
    """

    mu: Floats
    mu_error: Floats
    means: Floats
    covariances: Floats
    log_likelihood: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """A mixture of normals over tau; with one tau, one normal.

    Attributes:
        tau: (t,) values of tau with ``weight`` (t,), summing to 1.
        means: (t, k) of theta given each.
        covariances: (t, k, k).
        mu: (t,) of the prior mean.
        mu_error: (t,).
    """

    tau: Floats
    weight: Floats
    means: Floats
    covariances: Floats
    mu: Floats
    mu_error: Floats

    @property
    def mean(self) -> Floats:
        """Posterior means of the effects, (k,)."""
        return np.asarray(self.weight @ self.means)

    @property
    def sd(self) -> Floats:
        """Posterior standard deviations, (k,)."""
        own = np.einsum("t,tkk->k", self.weight, self.covariances)
        between = self.weight @ np.square(self.means - self.mean)
        return np.asarray(np.sqrt(own + between))

    def quantile(self, p: float) -> Floats:
        """The p-quantile of each effect, (k,), by bisection of the mixture's distribution."""
        spread = np.sqrt(np.einsum("tkk->tk", self.covariances))
        low = (self.means - 10 * spread).min(axis=0)
        high = (self.means + 10 * spread).max(axis=0)
        for _ in range(60):
            middle = (low + high) / 2
            below = self.weight @ ndtr((middle - self.means) / spread) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)

    def draws(self, normals: Floats) -> Floats:
        """Draws of the effects, (d, k), from standard ``normals`` (d, k).

        Each tau gets its share of the draws, so that the generator makes normals only.
        """
        d = len(normals)
        which = np.searchsorted(np.cumsum(self.weight), (np.arange(d) + 0.5) / d)
        which = np.minimum(which, len(self.tau) - 1)
        made = np.empty_like(normals)
        for t in np.unique(which):
            mine = which == t
            made[mine] = self.means[t] + normals[mine] @ _root(self.covariances[t]).T
        return made


def given_tau(y: Floats, covariance: Floats, tau: Floats, towards: Towards = "mean") -> Given:
    """The model given each ``tau`` (t,): ``y`` (k,), ``covariance`` (k, k).

    With V = Q diag(l) Q', every S has the same Q, so P is Q diag(1 / (l + tau^2)) Q'.
    """
    values, q = np.linalg.eigh(covariance)
    p = 1 / (values + np.square(tau)[:, None])
    ones, turned = q.sum(axis=0), y @ q
    information = (p @ np.square(ones)) if towards == "mean" else np.full(len(tau), np.inf)
    mu = p @ (ones * turned) / information
    residual = turned - mu[:, None] * ones
    kept = np.square(tau)[:, None] * p
    rest = (ones - kept * ones) @ q.T
    own = np.einsum("ij,tj,kj->tik", q, np.square(tau)[:, None] * (1 - kept), q)
    fit = (np.square(residual) * p - np.log(p)).sum(axis=1)
    restricted = np.log(information) if towards == "mean" else 0.0
    return Given(
        mu=mu,
        mu_error=information**-0.5,
        means=mu[:, None] + (kept * residual) @ q.T,
        covariances=own + rest[:, :, None] * rest[:, None, :] / information[:, None, None],
        log_likelihood=-0.5 * (fit + restricted),
    )


def empirical_bayes(y: Floats, covariance: Floats, towards: Towards = "mean") -> Posterior:
    """The posterior at the tau of greatest (restricted) likelihood.

    >>> y, v = np.array([0.0, 1.0, 2.0, 3.0]), np.eye(4)
    >>> found = empirical_bayes(y, v)
    >>> round(float(found.tau[0] ** 2), 6), found.mean.round(3).tolist()
    (0.666667, [0.9, 1.3, 1.7, 2.1])
    """
    _refuse(y, covariance, towards, least=2 if towards == "mean" else 1)
    at = _highest(y, covariance, towards)
    return _mixture(given_tau(y, covariance, at, towards), at, np.ones(1))


def integrated(y: Floats, covariance: Floats, towards: Towards = "mean") -> Posterior:
    """The posterior averaged over tau with a flat prior.

    Raises:
        NotEstimable: so few effects that the posterior of tau has no finite mass.
    """
    _refuse(y, covariance, towards, least=3 if towards == "mean" else 2)
    scale = float(np.sqrt(np.diag(covariance).mean() + y.var()))
    nodes, weight = _rule()
    u = (nodes + 1) / 2
    tau = scale * u / (1 - u)
    given = given_tau(y, covariance, tau, towards)
    log = given.log_likelihood - 2 * np.log1p(-u) + np.log(weight)
    share = np.exp(log - log.max())
    return _mixture(given, tau, share / share.sum())


class Choice(NamedTuple):
    """Of effects and, last, the reference: chance to be best, and loss if it is chosen, (k+1,)."""

    best: Floats
    loss: Floats
    error: Floats


def choice(draws: Floats) -> Choice:
    """Which to choose, from posterior ``draws`` (d, k) of effects against the reference, 0.

    ``loss`` is the mean of what the best would have given beyond the choice; ``error`` is the
    Monte Carlo error of ``best``.

    >>> choice(np.array([[1.0, 2.0], [3.0, 2.0], [-1.0, -2.0], [1.0, 0.0]])).best.tolist()
    [0.5, 0.25, 0.25]
    """
    theta = np.column_stack((draws, np.zeros(len(draws))))
    top = theta.max(axis=1, keepdims=True)
    best = np.bincount(theta.argmax(axis=1), minlength=theta.shape[1]) / len(theta)
    return Choice(
        best=best, loss=(top - theta).mean(axis=0), error=np.sqrt(best * (1 - best) / len(theta))
    )


def _mixture(given: Given, tau: Floats, weight: Floats) -> Posterior:
    return Posterior(
        tau=tau,
        weight=weight,
        means=given.means,
        covariances=given.covariances,
        mu=given.mu,
        mu_error=given.mu_error,
    )


@cache
def _rule() -> tuple[Floats, Floats]:
    """Nodes and weights on (-1, 1)."""
    nodes, weight = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes), np.asarray(weight)


def _refuse(y: Floats, covariance: Floats, towards: Towards, *, least: int) -> None:
    if len(y) < least:
        aim = "each other" if towards == "mean" else "zero"
        raise NotEstimable(
            f"{len(y)} effects are too few to shrink towards {aim}: {least} are needed",
            do="shrink towards zero, or read the effects themselves",
        )
    values = np.linalg.eigvalsh(covariance)
    if not values[0] > RANK * values[-1] > 0:
        raise NotEstimable("an outcome that does not vary says nothing of effects")


def _highest(y: Floats, covariance: Floats, towards: Towards) -> Floats:
    """The tau of greatest likelihood, (1,), by ever finer grids; 0 where none is better."""
    top = 3 * float(np.sqrt(np.square(y - y.mean()).sum() + y.mean() ** 2))
    grid = np.concatenate(([0.0], np.geomspace(1e-4, 1, 60) * top))
    none = given_tau(y, covariance, np.zeros(1), towards).log_likelihood[0]
    best, highest = 0.0, none
    for _ in range(REFINEMENTS):
        heights = given_tau(y, covariance, grid, towards).log_likelihood
        i = int(np.argmax(heights))
        best, highest = float(grid[i]), heights[i]
        grid = np.linspace(grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)], 21)
    return np.array([best if highest > none + FLAT else 0.0])


def _root(covariance: Floats) -> Floats:
    """A square root, also where the covariance has no full rank (tau = 0)."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
