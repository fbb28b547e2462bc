"""How the tests of a family go together: their correlation over arms and over outcomes.

Contrasts c of one outcome have covariance c'Vc. Over two outcomes k and l, cells being independent
given the design, contrasts c and d have

    sum over cells b, a of  c_a d_a rho_kl(b, a) sqrt(V_k(b, a) V_l(b, a)),

V_k(b, a) what the cell adds to the variance of arm a's mean of outcome k, and rho_kl(b, a) the
correlation of the two outcomes' residuals in the cell: of the outcomes themselves for plain means,
and after the covariates' slopes for Lin's adjustment (whose means are intercepts at the covariates'
means, so that their errors are the mean residuals). For plain means this is exact: V_k is s_k^2 / n
times the squared share. Every cell's term is D rho D with rho a correlation, so the sum is a
covariance. It is not known where the two outcomes are not of the same units, nor where the means
are not over the same blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.blocks import blocks
from apologylab.inference.moments import Cell, Floats, Moments, Request, cell_scatters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.inference.arm_means import ArmMeans


class Side(NamedTuple):
    """One test: the arm means that it is read off, and its weights over ``means.arms``, (a,)."""

    means: ArmMeans
    weights: Floats


class Residuals(NamedTuple):
    """Correlations of outcomes' residuals in each cell, (k, k) each; nan where not known."""

    outcomes: tuple[str, ...]
    by_cell: Mapping[Cell, Floats]


def joint_request(outcomes: Sequence[str], covariates: Sequence[str]) -> Request:
    """What is asked of the one scan: all outcomes and covariates together."""
    first, *others = outcomes
    return Request(first, (*others, *covariates))


def residuals(together: Moments, outcomes: Sequence[str], covariates: Sequence[str]) -> Residuals:
    """The correlations of ``outcomes`` in each cell, less what ``covariates`` explain.

    Args:
        together: moments of :func:`joint_request`, or of more.
        outcomes: k columns of ``together``.
        covariates: whose slopes within the cell are taken off.
    """
    y = [together.columns.index(name) for name in outcomes]
    x = [together.columns.index(name) for name in covariates]
    scatters = cell_scatters(together)
    found = {}
    for cell, scatter in zip(together.cells, scatters, strict=True):
        left = scatter[np.ix_(y, y)]
        if x:
            slopes = _slopes(scatter[np.ix_(x, x)], scatter[np.ix_(x, y)])
            left = left - scatter[np.ix_(y, x)] @ slopes
        spread = np.sqrt(np.maximum(left.diagonal(), 0))
        with np.errstate(invalid="ignore", divide="ignore"):  # a constant goes with nothing: nan
            found[cell] = np.clip(left / np.outer(spread, spread), -1, 1)
    return Residuals(tuple(outcomes), found)


def _slopes(xx: Floats, xy: Floats) -> Floats:
    """Least squares within a cell; nan where a covariate is missing."""
    if not np.isfinite(xx).all():
        return np.full(xy.shape, np.nan)
    return np.asarray(np.linalg.pinv(xx, hermitian=True) @ xy, dtype=np.float64)


def correlation(sides: Sequence[Side], known: Residuals | None) -> Floats:
    """The correlation of m tests, (m, m); nan where two outcomes' is not known."""
    m = len(sides)
    covariance = np.empty((m, m))
    laid_out = None if known is None else _lay_out(known)
    for i in range(m):
        for j in range(i, m):
            covariance[i, j] = covariance[j, i] = _covariance(sides[i], sides[j], laid_out)
    spread = np.sqrt(covariance.diagonal())
    scaled: Floats = covariance / np.outer(spread, spread)
    np.fill_diagonal(scaled, 1.0)
    return np.clip(scaled, -1, 1)


class _LaidOut(NamedTuple):
    """Arm -> the correlations of k outcomes' residuals in each block, (b, k, k)."""

    outcomes: tuple[str, ...]
    by_arm: Mapping[str, Floats]


def _lay_out(known: Residuals) -> _LaidOut:
    """Correlations by arm and block; nan where an arm has none."""
    size = len(known.outcomes)
    none, listed = np.full((size, size), np.nan), blocks(known.by_cell)
    by_arm = {
        arm: np.array(
            [known.by_cell.get(Cell(b.version, b.phase, arm, b.stratum), none) for b in listed]
        )
        for arm in {cell.arm for cell in known.by_cell}
    }
    return _LaidOut(known.outcomes, by_arm)


def _covariance(one: Side, other: Side, known: _LaidOut | None) -> float:
    if one.means.outcome == other.means.outcome:
        return float(one.weights @ one.means.covariance @ other.weights)
    if known is None or not (_apart(one.means) and _apart(other.means)):
        return float("nan")
    k, j = (known.outcomes.index(side.means.outcome) for side in (one, other))
    total = 0.0
    for a, arm in enumerate(one.means.arms):
        if one.weights[a] == 0 or arm not in other.means.arms:
            continue
        at = other.means.arms.index(arm)
        both = one.means.variances[:, a] * other.means.variances[:, at]
        rho = known.by_arm[arm][:, k, j] if arm in known.by_arm else np.empty(0)
        if one.means.n[a] != other.means.n[at] or len(rho) != len(both):
            return float("nan")
        total += one.weights[a] * other.weights[at] * float(rho @ np.sqrt(both))
    return total


def _apart(means: ArmMeans) -> bool:
    """Whether arms have no error in common: how that goes with another outcome's is not known."""
    return means.joint is None and means.shared is None
