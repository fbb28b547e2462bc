"""Blocks: the parts of a panel within which all arms were drawn with one set of propensities.

A block is a (version, phase, stratum). Arms are compared within blocks and the comparisons are
weighted by the blocks' shares of the units (post-stratification, R26): in a ramp the arms' units
were enrolled at different times, so raw pooling would compare times as well as arms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.moments import Cell, Floats, Moments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


class Block(NamedTuple):
    """Where arms are comparable."""

    version: int
    phase: int
    stratum: str

    def __str__(self) -> str:
        return (
            f"phase {self.phase}, stratum {self.stratum}"
            if self.stratum
            else (f"phase {self.phase}")
        )


class Layout(NamedTuple):
    """Cells of ``moments`` laid out as blocks by arms.

    ``rows`` (b, a) indexes the cells; ``share`` (b,) is each block's share of all units and
    ``means`` (b, k) the columns' means over all units of the block, whatever their arm.
    """

    arms: tuple[str, ...]
    rows: NDArray[np.intp]
    share: Floats
    means: Floats


def block_of(cell: Cell) -> Block:
    """The block of a cell."""
    return Block(cell.version, cell.phase, cell.stratum)


def blocks(cells: Iterable[Cell]) -> tuple[Block, ...]:
    """The blocks that have units, sorted."""
    return tuple(sorted({block_of(cell) for cell in cells}))


def lay_out(moments: Moments, arms: Sequence[str]) -> Layout:
    """Lay out the cells of ``arms``, each of which has units in every block."""
    listed = blocks(moments.cells)
    at = {cell: i for i, cell in enumerate(moments.cells)}
    rows = [[at[Cell(b.version, b.phase, arm, b.stratum)] for arm in arms] for b in listed]
    which = np.array([listed.index(block_of(cell)) for cell in moments.cells])
    n = np.bincount(which, weights=moments.n)
    sums = np.stack([np.bincount(which, weights=column) for column in moments.sums.T], axis=1)
    return Layout(
        arms=tuple(arms),
        rows=np.array(rows, dtype=np.intp),
        share=n / n.sum(),
        means=moments.shift + sums / n[:, None],
    )


def unable(
    moments: Moments, arms: Sequence[str], weights: Mapping[int, Mapping[str, int]]
) -> dict[str, str]:
    """Arms whose mean over all enrolled units cannot be estimated, and why (R24)."""
    reasons = {arm: _why_not(moments, arm, weights) for arm in arms}
    return {arm: why for arm, why in reasons.items() if why}


def _why_not(moments: Moments, arm: str, weights: Mapping[int, Mapping[str, int]]) -> str:
    if not moments.cells:
        return f"no unit has {moments.columns[0]}"
    n = {cell: int(count) for cell, count in zip(moments.cells, moments.n, strict=True)}
    for block in blocks(moments.cells):
        if not weights.get(block.phase, {}).get(arm, 0):
            return f"{arm} is not drawn in phase {block.phase}"
        units = n.get(Cell(block.version, block.phase, arm, block.stratum), 0)
        if units < 2:
            return f"{arm} has {units} unit{'s' * (units != 1)} in {block}: two are needed"
    mine = [i for i, cell in enumerate(moments.cells) if cell.arm == arm]
    if not np.isfinite(moments.products[mine, 0, 0]).all():
        return f"{moments.columns[0]} is not finite in {arm}"
    return ""
