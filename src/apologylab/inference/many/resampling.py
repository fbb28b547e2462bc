"""Studentised statistics of resamples, for step-down tests without a limit distribution.

**Bootstrap.** Buckets of units (:mod:`.buckets`) are drawn with replacement. In each draw arm means
are made of the resampled sums, post-stratified by the sample's shares of the blocks; adjusted ones
are intercepts at the sample's covariate means, as Lin's:

    T* = |c'(m* - m)| / sqrt(c' V* c),   V*_a = sum_b share_b^2 s*_ba^2 / n*_ba,

s*^2 the residual variance in the cell. What a draw makes of a cell that it leaves with too few
units is beyond every statistic.

**Permutation.** Arms are permuted over the units of each block, which is how they would have been
drawn; the mean of nothing changes under "no remedy does anything", so T* = |c'm*| / sqrt(c' V* c).
For that hypothesis the test is exact, and being studentised it is right in large samples for equal
means too (Janssen 1997; Chung and Romano 2013). Under strong effects of some arms it is the test of
the others only in large samples.

Sources: Romano and Wolf 2005 (Econometrica 73), studentised step-down bootstrap; Westfall and Young
1993 (Resampling-based Multiple Testing); Chung and Romano 2013 (Annals of Statistics 41).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.moments import Cell, Floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.many.buckets import Bucketed

MOST_PERMUTED = 20_000
"""Units beyond which permutations say nothing that the joint distribution does not."""


class _Sums(NamedTuple):
    """n (b, g), sums (b, g, k), products (b, g, k, k) of b draws in g cells."""

    n: Floats
    sums: Floats
    products: Floats


class _Places(NamedTuple):
    """Cells of ``arms`` as blocks by arms, (l, a); the blocks' shares (l,) and centres (l, k)."""

    rows: np.ndarray
    share: Floats
    centre: Floats


def bootstrapped(
    data: Bucketed, arms: Sequence[str], contrasts: Floats, draws: Iterable[Floats]
) -> Floats:
    """T* of each draw and contrast, (B, c).

    Args:
        data: of an outcome, and of covariates that its means are adjusted for.
        arms: a of them, each in every block.
        contrasts: (c, a) weights.
        draws: weights of the buckets, (b, buckets) at a time.
    """
    whole = _Sums(*(each.sum(axis=1)[None] for each in (data.n, data.sums, data.products)))
    places = _laid_out(data.cells, whole, arms)
    means, _ = _arm_means(whole, places)
    found = []
    for weights in draws:
        drawn, variances = _arm_means(_drawn(data, weights), places)
        found.append(_statistics((drawn - means) @ contrasts.T, variances @ contrasts.T**2))
    return np.concatenate(found)


def permuted(
    source: ArraySource,
    outcome: str,
    arms: Sequence[str],
    contrasts: Floats,
    orders: Iterable[np.ndarray],
) -> Floats:
    """T* of each permutation and contrast, (B, c).

    Args:
        source: the units; every arm in every block.
        outcome: its column.
        arms: a of them.
        contrasts: (c, a) weights.
        orders: permutations of the units within their blocks, from :func:`within_blocks`.
    """
    y = source.columns[outcome]
    if np.isnan(y).any():
        raise NotEstimable(
            f"{outcome} is missing for some units: permutations need it of all",
            do='write adjust = "max_t", which is the same in large samples',
        )
    g = len(source.cells)
    centred = y - y.mean()
    found = []
    for order in orders:
        mine = centred[order]
        parts = [np.bincount(source.code, each, g) for each in (np.ones_like(mine), mine, mine**2)]
        n, total, square = np.array(parts, dtype=np.float64)[:, None]
        sums = _Sums(n, total[..., None], square[..., None, None])
        means, variances = _arm_means(sums, _laid_out(source.cells, sums, arms))
        found.append(_statistics(means @ contrasts.T, variances @ contrasts.T**2))
    return np.concatenate(found)


def within_blocks(
    source: ArraySource, rng: np.random.Generator, permutations: int
) -> Iterable[np.ndarray]:
    """Orders of the units that move them about within their blocks only, (n,) each."""
    listed = blocks(source.cells)
    block = np.array([listed.index(block_of(cell)) for cell in source.cells])[source.code]
    home = np.argsort(block, kind="stable")
    for _ in range(permutations):
        shuffled = np.lexsort((rng.random(len(block)), block))
        order = np.empty(len(block), dtype=np.intp)
        order[home] = shuffled
        yield order


def _drawn(data: Bucketed, weights: Floats) -> _Sums:
    g, buckets, k = data.sums.shape
    n = weights @ data.n.T
    sums = weights @ data.sums.transpose(1, 0, 2).reshape(buckets, g * k)
    products = weights @ data.products.transpose(1, 0, 2, 3).reshape(buckets, g * k * k)
    return _Sums(n, sums.reshape(-1, g, k), products.reshape(-1, g, k, k))


def _laid_out(cells: Sequence[Cell], whole: _Sums, arms: Sequence[str]) -> _Places:
    listed = blocks(cells)
    at = {cell: i for i, cell in enumerate(cells)}
    rows = np.array(
        [[at[Cell(b.version, b.phase, arm, b.stratum)] for arm in arms] for b in listed]
    )
    of = np.array([listed.index(block_of(cell)) for cell in cells])
    n = np.bincount(of, whole.n[0])
    sums = np.stack([np.bincount(of, column) for column in whole.sums[0].T], axis=1)
    return _Places(rows, n / n.sum(), sums / n[:, None])


def _arm_means(sums: _Sums, places: _Places) -> tuple[Floats, Floats]:
    """Means and their variances, (b, a) each; nan where a cell has too few units."""
    n = sums.n[:, places.rows]
    k = sums.sums.shape[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sums[:, places.rows] / n[..., None]
        scatter = sums.products[:, places.rows] - n[..., None, None] * (
            mean[..., :, None] * mean[..., None, :]
        )
        level, left = mean[..., 0], scatter[..., 0, 0]
        if k > 1:
            slopes = _slopes(scatter, n)
            away = places.centre[None, :, None, 1:] - mean[..., 1:]
            level = level + (away * slopes).sum(axis=-1)
            left = left - (slopes * scatter[..., 1:, 0]).sum(axis=-1)
        variance = np.maximum(left, 0) / (n - k) / n
    enough = n > k
    share = places.share[None, :, None]
    level, variance = (np.where(enough, each, np.nan) for each in (level, variance))
    return (share * level).sum(axis=1), (share**2 * variance).sum(axis=1)


def _slopes(scatter: Floats, n: Floats) -> Floats:
    """Of y on x within each cell, (b, l, a, k - 1); nan where there are too few units."""
    k = scatter.shape[-1]
    bad = ~((n > k) & np.isfinite(scatter).all(axis=(-1, -2)))
    xx = np.where(bad[..., None, None], np.eye(k - 1), scatter[..., 1:, 1:])
    xy = np.where(bad[..., None], np.nan, scatter[..., 1:, 0])
    found: Floats = (np.linalg.pinv(xx, hermitian=True) @ xy[..., None])[..., 0]
    return found


def _statistics(away: Floats, variance: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without spread lies beyond all
        t = np.abs(away) / np.sqrt(variance)
    t[(away == 0) & (variance == 0)] = 0.0
    return np.where(np.isnan(t), np.inf, t)
