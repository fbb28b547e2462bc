"""The best linear predictor of the effect, and effects of groups sorted by the guessed effect.

With W the treatment, e(x) its known propensity, S the guessed effect and B the guessed outcome
without it, both learned elsewhere, weighted least squares with weights 1 / (e (1 - e)) of

    y = a' (1, B, S, e, e S) + beta_1 (W - e) + beta_2 (W - e) (S - mean S) + error

gives beta_1 the average effect and beta_2 the slope of the effect on its guess: the coefficients
of the best linear predictor of s_0(x) given S. beta_2 = 0 where nothing that S knows moves the
effect; beta_2 = 1 where S is right. With groups G_k by quantiles of S,

    y = a' (1, B, S, e, e S) + sum_k gamma_k (W - e) 1(G_k) + error

gives gamma_k the average effect in group k. Errors are HC1 (heteroscedasticity-robust).

Source: Chernozhukov, Demirer, Duflo and Fernandez-Val 2018 (NBER 24678), equations 2.1 and 3.3
(with the weights of identification strategy A).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from apologylab.inference.heterogeneity.judged import Judged, Number
from apologylab.inference.moments import Floats

NOTHING = Number(float("nan"), float("nan"))


class BestLinear(NamedTuple):
    """beta_1, the average effect, and beta_2, the slope on the guessed effect."""

    average: Number
    slope: Number


def best_linear(half: Judged) -> BestLinear:
    """The best linear predictor; no numbers where the guess is the same for every unit."""
    S = half.proxy.effect
    if not _varies(S):
        return BestLinear(NOTHING, NOTHING)
    away = half.treated - half.propensity
    asked = np.column_stack([away, away * (S - S.mean())])
    point, V = _weighted(half, asked)
    error = np.sqrt(np.diag(V))
    return BestLinear(*(Number(float(b), float(s)) for b, s in zip(point, error, strict=True)))


class Sorted(NamedTuple):
    """Each group's effect, least guessed first, and the last less the first."""

    groups: tuple[Number, ...]
    spread: Number


def sorted_groups(half: Judged, groups: int) -> Sorted:
    """Effects by ``groups`` of equal size; no numbers where the guess cannot cut so many."""
    S = half.proxy.effect
    cuts = np.quantile(S, np.arange(1, groups) / groups)
    of = np.searchsorted(cuts, S, side="right")
    if len(np.unique(of)) < groups:
        return Sorted((NOTHING,) * groups, NOTHING)
    away = half.treated - half.propensity
    point, V = _weighted(half, away[:, None] * (of[:, None] == np.arange(groups)))
    error = np.sqrt(np.diag(V))
    spread = V[0, 0] + V[-1, -1] - 2 * V[0, -1]
    return Sorted(
        tuple(Number(float(b), float(s)) for b, s in zip(point, error, strict=True)),
        Number(float(point[-1] - point[0]), float(spread**0.5)),
    )


def _varies(values: Floats) -> bool:
    return bool(np.ptp(values) > 1e-12 * max(float(np.abs(values).max()), 1e-300))


def _weighted(half: Judged, asked: Floats) -> tuple[Floats, Floats]:
    """Coefficients of ``asked`` (m, q) and their HC1 covariance (q, q), controls beside them.

    The controls are partialled out first (Frisch and Waugh), so that those which are collinear,
    such as a constant propensity beside the intercept, do no harm.
    """
    e, S = half.propensity, half.proxy.effect
    root = 1 / np.sqrt(e * (1 - e))
    controls = np.column_stack([np.ones_like(S), half.proxy.untreated, S, e, e * S]) * root[:, None]
    left, rank = _without(controls, np.column_stack([half.y[:, None], asked]) * root[:, None])
    y, Z = left[:, 0], left[:, 1:]
    inverse = np.linalg.pinv(Z.T @ Z, hermitian=True)
    point = inverse @ (Z.T @ y)
    moved = Z * (y - Z @ point)[:, None]
    m = len(y)
    V = inverse @ (moved.T @ moved) @ inverse * (m / max(m - rank - Z.shape[1], 1))
    return point, V


def _without(controls: Floats, columns: Floats) -> tuple[Floats, int]:
    """What of ``columns`` the controls do not explain, and the controls' rank."""
    size = np.sqrt(np.square(controls).sum(axis=0))
    U, s, _ = np.linalg.svd(controls / np.where(size > 0, size, 1), full_matrices=False)
    basis = U[:, s > 1e-9 * s[0]]
    return columns - basis @ (basis.T @ columns), basis.shape[1]
