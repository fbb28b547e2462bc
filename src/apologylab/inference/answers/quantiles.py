"""Quantile effects: from counts of distinct values, with intervals that need no density."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.blocks import block_of, blocks, unable
from apologylab.inference.estimators.quantile import (
    Distribution,
    Limits,
    atom,
    contrast,
    limits,
    p_value,
    point,
)
from apologylab.inference.moments import Request, select
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source
    from apologylab.inference.value_counts import ValueCounts

NOTE = (
    "a quantile effect is a difference between the arms' distributions, not the effect on the "
    "customer who stands at that quantile"
)


class _Arms(NamedTuple):
    """The distributions of an outcome's arms, the units of each, and what was refused why."""

    of: Mapping[str, Distribution]
    n: Mapping[str, int]
    phases: tuple[int, ...]
    refused: Mapping[str, str]


def _quantile(source: Source, question: Question, asked: Asked) -> Found:
    names = [outcome.name for outcome in question.outcomes]
    p = asked.number("at")
    moments = source.moments([Request(name) for name in names])
    counts = source.value_counts(names)
    arms = {
        each.column: _arms(each, found, question, p)
        for each, found in zip(counts, moments, strict=True)
    }
    found, refused = answered(
        question, asked.text, lambda asking: [_estimate(asking, arms[asking.outcome.name], p)]
    )
    return Found(found, refused, (NOTE,) if found else ())


def _arms(counts: ValueCounts, moments: Moments, question: Question, p: float) -> _Arms:
    kept = select(moments, [cell.arm in question.arms for cell in moments.cells])
    refused = unable(kept, question.arms, question.weights)
    made: dict[str, Distribution] = {}
    for arm in question.arms:
        if arm in refused:
            continue
        made[arm] = _distribution(counts, kept, arm, p)
        if held := atom(made[arm], p, question.alpha):
            refused[arm] = (
                f"{counts.column} has an atom at the quantile: {held[1]:.1%} of the units of {arm} "
                f"have the value {held[0]:g}; ask for a mean, or for two_part"
            )
    n = {arm: int(sum(_units(kept, arm).values())) for arm in question.arms}
    phases = tuple(sorted({cell.phase for cell in kept.cells}))
    return _Arms(made, n, phases, refused)


def _units(moments: Moments, arm: str) -> dict[int, int]:
    """Index of a cell of the arm -> its units."""
    return {i: int(moments.n[i]) for i, cell in enumerate(moments.cells) if cell.arm == arm}


def _distribution(counts: ValueCounts, moments: Moments, arm: str, p: float) -> Distribution:
    """The arm's distribution over all enrolled units, and the units it rests on at ``p``."""
    listed = blocks(moments.cells)
    of_block = np.array([listed.index(block_of(cell)) for cell in moments.cells])
    share = np.bincount(of_block, moments.n) / moments.n.sum()
    parts = []
    for i, n in _units(moments, arm).items():
        value, units = counts.of([moments.cells[i]])
        parts.append((share[of_block[i]], n, value, units))
    value, at = np.unique(np.concatenate([part[2] for part in parts]), return_inverse=True)
    weight = np.concatenate([part[0] * part[3] / part[1] for part in parts])
    upto = np.cumsum(np.bincount(at, weight, len(value))).astype(np.float64)
    upto[-1] = 1.0
    whole = Distribution(value, upto, float(sum(part[1] for part in parts)))
    if len(parts) == 1:
        return whole
    q = point(whole, p)
    below = [(s, n, float(units[value <= q].sum()) / n) for s, n, value, units in parts]
    variance = sum(s**2 * f * (1 - f) / n for s, n, f in below)
    f = float(upto[np.searchsorted(value, q)])
    return whole._replace(size=f * (1 - f) / variance) if variance > 0 and f < 1 else whole


def _estimate(asking: Asking, arms: _Arms, p: float) -> Estimate:
    cells = asking.contrast.cells
    if why := [arms.refused[arm] for arm, _ in cells if arm in arms.refused]:
        raise NotEstimable(why[0])
    chosen, weights = [arms.of[arm] for arm, _ in cells], [weight for _, weight in cells]
    points = [point(each, p) for each in chosen]
    ends = [limits(each, p, asking.question.alpha) for each in chosen]
    if not np.isfinite(ends).all():
        short = min(zip(cells, chosen, strict=True), key=lambda each: each[1].size)
        raise NotEstimable(
            f"{short[0][0]} has too few units ({short[1].size:.0f}) for an interval of its "
            f"{p:g} quantile"
        )
    low, high = contrast(points, ends, weights)
    sides = zip(points, weights, strict=True)
    return estimate(
        asking,
        of="median" if p == 0.5 else f"{p:g} quantile of",
        phases=arms.phases,
        n=arms.n,
        point=float(np.dot(points, weights)),
        low=low,
        high=high,
        interval="binomial limits of each arm's rank, combined (Zou and Donner 2008)",
        p_value=p_value(chosen, weights, p),
        reference_mean=float(sum(max(-weight, 0) * q for q, weight in sides)),
        details=tuple(
            _told(arm, q, end) for (arm, _), q, end in zip(cells, points, ends, strict=True)
        ),
    )


def _told(arm: str, q: float, ends: Limits) -> tuple[str, str]:
    return arm, f"{q:g} ({ends.low:g} to {ends.high:g})"


ANSWERS: Mapping[str, Answer] = {"quantile": OfPanel(answer=_quantile)}
