"""How far out the largest of correlated statistics lies: P(max_j |T_j| >= c).

T = Z / s with Z ~ N(0, R) and df s^2 ~ chi^2(df), a multivariate t; df infinite makes it normal.
If N of the m statistics lie outside, each of them counts 1 / N, so

    P(max_j |T_j| >= c) = sum_i P(|T_i| >= c) E[1 / N given |T_i| >= c],

and given Z_i = z the others are W + R_.i (z - W_i) with W ~ N(0, R), whatever the rank of R
(Adler, Blanchet and Liu 2012). 1 / N lies between 1 / m and 1, so the relative error is bounded
however small the probability is, and the answer is between what one test and m tests would have.
Normals come from a lattice (Richtmyer's, under the tent transform): one fixed number, not a draw.
They are kept in single precision, for they are only compared with limits: half the memory and time.

Where R_ij = b_i b_j, as of arms against one shared reference, :mod:`.shared_reference` is exact.

Sources: Adler, Blanchet and Liu 2012 (Annals of Applied Probability 22), Algorithm for suprema of
Gaussian vectors; Genz and Bretz 2009 (Computation of Multivariate Normal and t Probabilities) for
the lattice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.special import gammaincinv, ndtr, ndtri, stdtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

    Singles = NDArray[np.float32]

POINTS = 32_768
AT_ONCE = 256
"""Points whose normals are made at once: so few that BLAS starts no thread, which costs more."""
NORMAL_FROM = 1e5
"""Degrees of freedom from which Student's t is the normal: they differ by about 1 / df."""
SINGULAR = 1e-9
"""Variance left in a statistic below which the others determine it."""


class Spread(NamedTuple):
    """W ~ N(0, R) at the lattice's points, (m, points), and what the next draws need of it.

    ``correlation`` (m, m); ``along`` (points,) uniforms for the statistic that is outside, and
    ``across`` (points,) uniforms for s.
    """

    correlation: Singles
    normal: Singles
    along: Floats
    across: Floats


def spread(correlation: Floats) -> Spread:
    """The points for statistics of correlation (m, m)."""
    m = len(correlation)
    root = _root(correlation)
    independent, (along, across) = _points(m)
    normal = np.empty((m, POINTS), np.float32)
    for start in range(0, POINTS, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        np.matmul(root, independent[: root.shape[1], part], out=normal[:, part])
    return Spread(correlation.astype(np.float32), normal, along, across)


def outside(correlation: Floats, limit: float, df: float = np.inf) -> float:
    """P(max_j |T_j| >= limit) for T of correlation (m, m) and degrees of freedom ``df``.

    Three digits for tens of statistics; exact for one.

    >>> round(outside(np.eye(2), 2.5), 3), round(1 - (1 - tail(2.5)) ** 2, 3)
    (0.025, 0.025)
    """
    return outside_of(spread(correlation), 0, limit, df)


def outside_of(points: Spread, first: int, limit: float, df: float = np.inf) -> float:
    """The same of the statistics from ``first`` on."""
    if limit <= 0:
        return 1.0
    m, own = len(points.correlation) - first, tail(limit, df)
    if m == 1:
        return own
    size = POINTS // m
    parts = [slice(i * size, (i + 1) * size) for i in range(m)]
    found = sum(_share(points, first, first + i, parts[i], limit, df) for i in range(m))
    return float(min(max(found, own), m * own))


def tail(limit: float, df: float = np.inf) -> float:
    """P(|T| >= limit) of one statistic."""
    return float(2 * (stdtr(df, -limit) if np.isfinite(df) else ndtr(-limit)))


def _share(points: Spread, first: int, i: int, part: slice, limit: float, df: float) -> float:
    """P(|T_i| >= limit) E[1 / N given that], N among the statistics from ``first`` on.

    S = s^2 is drawn from Gamma(df / 2, (df + c^2) / 2) instead of its own Gamma(df / 2, df / 2), so
    that it lies where T_i is outside; the weight is (1 + c^2 / df)^(-df / 2) e^(c^2 S / 2).
    """
    s, weight = _scaled(points.across[part], limit, df)
    reach = limit * s
    beyond = ndtr(-reach)
    z = -ndtri(points.along[part] * beyond)
    further = (z - points.normal[i, part]).astype(np.float32)
    moved = np.multiply.outer(points.correlation[first:, i], further)
    moved += points.normal[first:, part]
    is_out = np.abs(moved, out=moved) >= reach.astype(np.float32)
    n = np.add.reduce(is_out, axis=0, dtype=np.min_scalar_type(len(is_out)))
    return float((weight * beyond / np.maximum(n, 1)).mean())


def _scaled(u: Floats, limit: float, df: float) -> tuple[Floats, Floats]:
    """s by its quantile, and twice the weight of each, (n,); (1,) where it is 1."""
    if df >= NORMAL_FROM:
        return np.ones(1), np.full(1, 2.0)
    square = 2 * _gamma_quantile(u, df) / (df + limit**2)
    log_weight = limit**2 * square / 2 - df / 2 * np.log1p(limit**2 / df)
    return np.sqrt(square), 2 * np.exp(log_weight)


def _gamma_quantile(u: Floats, df: float) -> Floats:
    """Of Gamma(df / 2, 1), between its values at 2,001 normal quantiles."""
    normal, gamma = _gamma_grid(df)
    return np.asarray(np.interp(ndtri(u), normal, gamma), dtype=np.float64)


@lru_cache(maxsize=64)
def _gamma_grid(df: float) -> tuple[Floats, Floats]:
    normal = np.linspace(-8, 8, 2_001)
    return normal, np.asarray(gammaincinv(df / 2, ndtr(normal)), dtype=np.float64)


def _root(correlation: Floats) -> Singles:
    """L with R = L L', (m, rank), by the eigenvalues that are not 0."""
    values, vectors = np.linalg.eigh(correlation)
    kept = values > SINGULAR
    root: Floats = vectors[:, kept] * np.sqrt(values[kept])
    return root.astype(np.float32)


@lru_cache(maxsize=4)
def _points(m: int) -> tuple[Singles, Floats]:
    """Richtmyer's lattice under the tent transform: (m, points) normals, (2, points) uniforms.

    It is made row by row, each of which stays in the processor's cache meanwhile.
    """
    normal, uniform = np.empty((m, POINTS), np.float32), np.empty((2, POINTS))
    at = np.arange(1.0, POINTS + 1)
    for i, prime in enumerate(_primes(m + 2)):
        steps = at * np.sqrt(prime) + 0.5
        tent = np.clip(np.abs(2 * (steps - np.floor(steps)) - 1), 1e-12, 1 - 1e-12)
        if i < m:
            normal[i] = ndtri(tent)
        else:
            uniform[i - m] = tent
    for made in (normal, uniform):
        made.setflags(write=False)
    return normal, uniform


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found
