"""From cells to arms: what is estimated within each block, weighted by the blocks' units (R26)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.moments import Cell
from apologylab.inference.survival.counts import CENSORED, EVENT, lives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.inference.moments import Floats
    from apologylab.inference.survival.counts import EventCounts, Life
    from apologylab.inference.survival.product_limit import Value


def units(counts: EventCounts) -> dict[str, int]:
    """Arm -> units."""
    total: Counter[str] = Counter()
    for arms in by_phase(counts).values():
        total.update(arms)
    return dict(total)


def by_phase(counts: EventCounts) -> dict[int, dict[str, int]]:
    """Phase -> arm -> units."""
    found: dict[int, dict[str, int]] = {}
    for cell, n in zip(counts.cells, _sizes(counts).tolist(), strict=True):
        arms = found.setdefault(cell.phase, {})
        arms[cell.arm] = arms.get(cell.arm, 0) + int(n)
    return found


def _sizes(counts: EventCounts) -> Floats:
    return np.bincount(counts.cell, counts.n, len(counts.cells)).astype(np.float64, copy=False)


def lacking(
    counts: EventCounts,
    arms: Sequence[str],
    weights: Mapping[int, Mapping[str, int]],
    why_not: Callable[[Life], str],
) -> dict[str, str]:
    """Arms that cannot be estimated over all enrolled units, and why (R24).

    ``why_not`` says of a cell's life why it has no estimate, or nothing.
    """
    if not counts.cells:
        return dict.fromkeys(arms, f"no unit has {counts.timed.time} and {counts.timed.end}")
    of = dict(zip(counts.cells, lives(counts), strict=True))
    reasons: dict[str, str] = {}
    for block in blocks(counts.cells):
        for arm in arms:
            life = of.get(Cell(block.version, block.phase, arm, block.stratum))
            if not weights.get(block.phase, {}).get(arm, 0):
                why = f"{arm} is not drawn in phase {block.phase}"
            elif life is None:
                why = f"{arm} has no unit in {block}"
            elif not (why := why_not(life)):
                continue
            else:
                why = f"{arm}, {block}: {why}"
            reasons.setdefault(arm, why)
    return reasons


def last_seen(life: Life, at: float, *, ends: Sequence[int]) -> str:
    """Why nothing is known of ``at``: units were still under way when last seen before it.

    ``ends`` are the kinds that settle what happens after them.
    """
    settled = [kind for kind in ends if kind < life.ended.shape[1]]
    if at <= life.time[-1] or life.ended[-1, settled].sum() == life.ended[-1].sum():
        return ""
    cut = "were last seen" if life.ended[-1, CENSORED] else "ended otherwise"
    return f"its last units {cut} at {life.time[-1]:g}, before {at:g}"


def ended_otherwise(counts: EventCounts) -> int:
    """Units whose time ended otherwise than by the event."""
    return int(counts.n[counts.kind > EVENT].sum())


def values_of_arms(
    counts: EventCounts, arms: Sequence[str], of: Callable[[Life], Value], *, estimator: str
) -> ArmMeans:
    """The values of ``arms``, none of them ``lacking``, with their variances."""
    listed = blocks(counts.cells)
    share = np.array([0.0] * len(listed))
    for cell, n in zip(counts.cells, _sizes(counts), strict=True):
        share[listed.index(block_of(cell))] += n
    share /= share.sum()
    found = dict(zip(counts.cells, map(of, lives(counts)), strict=True))
    table = [[found[Cell(b.version, b.phase, arm, b.stratum)] for arm in arms] for b in listed]
    points = np.array([[each.point for each in row] for row in table])
    variances = np.array([[each.variance for each in row] for row in table])
    n = units(counts)
    return ArmMeans(
        outcome=counts.timed.time,
        estimator=estimator,
        arms=tuple(arms),
        n=np.array([n[arm] for arm in arms], dtype=np.int64),
        means=share @ points,
        variances=np.square(share)[:, None] * variances,
        freedom=np.full(points.shape, np.inf),
        df=np.inf,
    )
