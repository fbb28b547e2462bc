"""P(max_i |T_i| >= c) where the statistics share one reference: Dunnett's distribution, exact.

Arms compared with one reference have R_ij = b_i b_j, b_i^2 = V_0 / (V_0 + V_i): given the
reference's error x they are independent. With T = Z / s, df s^2 ~ chi^2(df),

    P(max_i |T_i| >= c) = E_s E_x[1 - prod_i (1 - q_i)],
    q_i = Phi((-c s - b_i x) / w_i) + Phi((b_i x - c s) / w_i),    w_i^2 = 1 - b_i^2,

one-sided without the first term. Both means are sums over even steps (of x, and of log s), whose
error falls exponentially; nothing cancels, so a probability of 1e-12 has its digits.

Sources: Dunnett 1955 (JASA 50); Dunnett and Sobel 1955 (Biometrika 42), for products b_i b_j.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.special import ndtr

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats

NORMAL_FROM = 1e6
STEPS = 24
"""Steps a standard deviation of log s, or less where the density is lopsided; and a width of x."""
DROP = 60.0
"""How far the logarithm of the density of log s falls to either end."""
NARROWEST = 0.02
"""Least w_i that the steps of x resolve."""


def loadings(correlation: Floats) -> Floats | None:
    """b with R_ij = b_i b_j off the diagonal, (m,); None if there is none, or one too near 1.

    >>> loadings(np.array([[1.0, 0.5], [0.5, 1.0]])).round(6).tolist()
    [0.707107, 0.707107]
    """
    m = len(correlation)
    if m == 1:
        return np.zeros(1)
    off = correlation - np.diag(correlation.diagonal())
    if m == 2:
        r = off[0, 1]
        b = np.sqrt(abs(r)) * np.array([1.0, -1.0 if r < 0 else 1.0])
    else:
        b = _from_triples(off)
    fits = np.abs(np.outer(b, b) - np.diag(b**2) - off).max() < 1e-10
    return b if fits and (1 - b**2 >= NARROWEST**2).all() else None


def _from_triples(off: Floats) -> Floats:
    """b by r_ij r_ik / r_jk with the largest r_jk of each i, its sign that of r_1i."""
    b = np.zeros(len(off))
    for i in range(len(off)):
        others = np.abs(np.delete(np.delete(off, i, 0), i, 1))
        j, k = np.unravel_index(int(others.argmax()), others.shape)
        j, k = j + (j >= i), k + (k >= i)
        square = off[i, j] * off[i, k] / off[j, k] if off[j, k] else 0.0
        b[i] = np.sqrt(max(square, 0.0))
    anchor = int(b.argmax())
    sign = np.where(off[anchor] < 0, -1.0, 1.0)
    sign[anchor] = 1.0
    return b * sign


def outside(b: Floats, limit: float, df: float = np.inf, *, two_sided: bool = True) -> float:
    """P(max_i |T_i| >= limit), or P(max_i T_i >= limit), for loadings b (m,).

    >>> round(outside(np.full(2, 0.5**0.5), 2.32, 30.0), 3)  # Dunnett 1955, Table 2a
    0.05
    """
    if two_sided and limit <= 0:
        return 1.0
    s, weight = _scales(df)
    w = np.sqrt(1 - b**2)
    step = min(1.0, float((w / np.maximum(np.abs(b), 1e-12)).min())) / 2
    x = np.arange(-10, 10 + step, step)
    density = np.exp(-(x**2) / 2)
    missed = np.zeros((len(s), len(x)))
    with np.errstate(divide="ignore"):  # log 0: one statistic is surely beyond
        for each, width in zip(b, w, strict=True):
            q = ndtr((each * x - limit * s[:, None]) / width)
            if two_sided:
                q = q + ndtr((-limit * s[:, None] - each * x) / width)
            missed += np.log1p(-np.minimum(q, 1))
    return float(weight @ -np.expm1(missed) @ (density / density.sum()))


def _scales(df: float) -> tuple[Floats, Floats]:
    """Values of s and their weights; log s = v has density proportional to exp(df v - df e^2v / 2).

    The steps reach down until the density has fallen by e^-60, past which not even
    P(|Z| >= c s) near 1 adds to a probability with digits.
    """
    if df >= NORMAL_FROM:
        return np.ones(1), np.ones(1)

    def log_density(v: Floats) -> Floats:
        return np.asarray(df * (v - (np.expm1(2 * v)) / 2), dtype=np.float64)

    low = -DROP / df - 0.5
    high = 1 + np.sqrt(DROP / df)
    coarse = np.linspace(low, high, 4_001)
    kept = coarse[log_density(coarse) > -DROP]
    sd = min(1.0, 1 / np.sqrt(2 * df))
    count = int(np.ceil((kept[-1] - kept[0]) / sd * STEPS / 8)) + 2
    v = np.linspace(kept[0], kept[-1], count)
    weight = np.exp(log_density(v))
    return np.exp(v), weight / weight.sum()
