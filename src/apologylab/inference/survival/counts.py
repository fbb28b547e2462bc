"""Event counts: how many units' time ended when and how, by arm; the twin of moments (R25).

A value that adds over disjoint sets of units, so maturity cohorts, partitions and engines merge.
Whole-day times make it small whatever the number of units; times to the microsecond make it as
long as the units are many, and nothing below needs more than it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.inference.moments import Cell, Counts, Floats

CENSORED, EVENT = 0, 1
"""Kinds of ends: still without the event when last seen; the event. From 2 on: other ends."""
NOISE = 1e-12
"""Share of the longest time by which two times differ that are one: 0.1 + 0.2 is not 0.3."""
KINDS = 100
"""Kinds of ends there may be."""
Places = NDArray[np.intp]


class Timed(NamedTuple):
    """Two columns: how long a unit was followed, and what kind of end that was."""

    time: str
    end: str


@dataclass(frozen=True, kw_only=True, eq=False)
class EventCounts:
    """Units by cell, time and kind of end.

    Attributes:
        timed: the columns.
        cells: g keys, sorted; each has units.
        cell: (r,) index into ``cells`` of each row.
        time: (r,) from the anchor to the end, in the column's own unit.
        kind: (r,) 0 censored, 1 the event, 2 and more another end.
        n: (r,) units. Rows are sorted by cell, time and kind, none twice.

    Raises:
        InputError: the rows are not that.
    """

    timed: Timed
    cells: tuple[Cell, ...]
    cell: Places
    time: Floats
    kind: Counts
    n: Counts

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.cell, self.time, self.kind, self.n)}
        if len(shapes) != 1 or self.cell.ndim != 1:
            raise InputError(f"event counts have shapes {shapes}", do="give one row a time and end")
        if list(self.cells) != sorted(set(self.cells)):
            raise InputError("the cells of event counts are not sorted, or repeat", do="sort them")
        refuse_times(self.timed, self.time, self.kind)
        if not (self.n > 0).all():
            raise InputError("a row of event counts has no units", do="leave empty rows out")
        if not _ascending(self.cell, self.time, self.kind):
            raise InputError("event counts are not sorted, or repeat", do="use counted()")


def refuse_times(timed: Timed, time: Floats, kind: NDArray[np.generic]) -> None:
    """Refuse times and kinds of ends that cannot be.

    Raises:
        InputError: a time is negative or infinite, or an end is no kind.
    """
    wrong = time[~((time >= 0) & np.isfinite(time))]
    if wrong.size:
        raise InputError(
            f"column {timed.time!r} holds {wrong[0]:g}", do="times are from 0 on, and finite"
        )
    numbers = kind.astype(np.float64)
    wrong = numbers[~((numbers >= 0) & (numbers < KINDS) & (numbers == np.floor(numbers)))]
    if wrong.size:
        raise InputError(
            f"column {timed.end!r} holds {wrong[0]:g}",
            do="write 0 where the time was cut short, 1 for the event, 2 and more for other ends",
        )


def _ascending(cell: Places, time: Floats, kind: Counts) -> bool:
    later = (cell[1:] > cell[:-1]) | (
        (cell[1:] == cell[:-1])
        & ((time[1:] > time[:-1]) | ((time[1:] == time[:-1]) & (kind[1:] > kind[:-1])))
    )
    return bool(later.all())


def counted(
    timed: Timed, cells: Sequence[Cell], cell: Places, time: Floats, kind: Counts, n: Counts
) -> EventCounts:
    """Event counts of rows in any order, several of one cell, time and kind added up.

    >>> from apologylab.inference.moments import Cell
    >>> arm, rows = Cell(1, 1, "basic", ""), np.array([0, 0, 0])
    >>> days, kinds = np.array([3.0, 1.0, 3.0]), np.array([1, 0, 1])
    >>> counts = counted(Timed("days", "back"), [arm], rows, days, kinds, np.ones(3, np.int64))
    >>> counts.time.tolist(), counts.n.tolist()
    ([1.0, 3.0], [1, 2])
    """
    order = np.lexsort((kind, time, cell))
    cell, time, kind, n = cell[order], time[order], kind[order], n[order]
    new = np.ones(len(cell), dtype=bool)
    new[1:] = (np.diff(cell) != 0) | (np.diff(time) != 0) | (np.diff(kind) != 0)
    first = np.flatnonzero(new)
    seen, at = np.unique(cell[first], return_inverse=True)
    return EventCounts(
        timed=timed,
        cells=tuple(cells[i] for i in seen),
        cell=at.astype(np.intp),
        time=time[first],
        kind=kind[first].astype(np.int64),
        n=np.add.reduceat(n, first).astype(np.int64) if first.size else n.astype(np.int64),
    )


def without_noise(time: Floats) -> Floats:
    """Times in which those that differ by rounding alone are one, the first of them, (n,).

    Sums and differences of times carry rounding, which would break their ties by chance. R's
    survival does the same, from a relative difference of 1.5e-8 down (Therneau 2017, "Roundoff
    error and tied times").

    >>> without_noise(np.array([0.3, 0.1 + 0.2, 0.5])).tolist()
    [0.3, 0.3, 0.5]
    """
    apart = np.diff(np.sort(time))
    noise = NOISE * time.max(initial=0.0)
    if not ((apart > 0) & (apart <= noise)).any():
        return time
    seen, at = np.unique(time, return_inverse=True)
    new = np.diff(seen, prepend=-np.inf) > noise
    found: Floats = seen[new][(np.cumsum(new) - 1)[at]]
    return found


def tied(counts: EventCounts) -> EventCounts:
    """The same counts at times :func:`without_noise`."""
    time = without_noise(counts.time)
    if time is counts.time:
        return counts
    return counted(counts.timed, counts.cells, counts.cell, time, counts.kind, counts.n)


def merge(a: EventCounts, b: EventCounts) -> EventCounts:
    """The counts of two disjoint sets of units together.

    Raises:
        InputError: they are not of the same columns.
    """
    if a.timed != b.timed:
        raise InputError(
            f"counts of {a.timed} and of {b.timed} do not add", do="ask for the same columns"
        )
    cells = tuple(sorted({*a.cells, *b.cells}))
    at = {cell: i for i, cell in enumerate(cells)}
    place = [np.array([at[cell] for cell in each.cells], np.intp)[each.cell] for each in (a, b)]
    return counted(
        a.timed,
        cells,
        np.concatenate(place),
        np.concatenate((a.time, b.time)),
        np.concatenate((a.kind, b.kind)),
        np.concatenate((a.n, b.n)),
    )


def select(counts: EventCounts, arms: Sequence[str]) -> EventCounts:
    """The counts of ``arms`` alone."""
    kept = np.array([cell.arm in arms for cell in counts.cells], dtype=bool)
    rows = kept[counts.cell]
    return replace(
        counts,
        cells=tuple(cell for cell, keep in zip(counts.cells, kept, strict=True) if keep),
        cell=(np.cumsum(kept) - 1)[counts.cell[rows]],
        time=counts.time[rows],
        kind=counts.kind[rows],
        n=counts.n[rows],
    )


class Life(NamedTuple):
    """The units of one cell over time.

    ``time`` (m,) distinct, ascending; ``at_risk`` (m,) those whose time is not over just before;
    ``ended`` (m, k) those whose time ends then, by kind.
    """

    time: Floats
    at_risk: Floats
    ended: Floats


def lives(counts: EventCounts) -> Iterator[Life]:
    """The life of each cell, in their order."""
    kinds = int(counts.kind.max(initial=EVENT)) + 1
    bounds = np.searchsorted(counts.cell, np.arange(len(counts.cells) + 1))
    for start, end in pairwise(bounds):
        mine = slice(start, end)
        time, at = np.unique(counts.time[mine], return_inverse=True)
        place = at * kinds + counts.kind[mine]
        flat = np.bincount(place, weights=counts.n[mine], minlength=len(time) * kinds)
        ended = flat.astype(np.float64, copy=False).reshape(len(time), kinds)
        left = np.cumsum(ended.sum(axis=1)[::-1])[::-1]
        yield Life(time, left, ended)
