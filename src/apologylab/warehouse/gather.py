"""The units of a DuckDB panel, gathered by cell in numpy: one scan for moments and second passes.

DuckDB decodes on all cores and hands over Arrow batches; two threads sort each by cell and
multiply. A panel of up to ``HELD`` bytes stays in memory for the second pass; of a larger one only
the batches at hand are there, and it is read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.slabs import FAR, Part, Slab, Totals, by_cell, part
from apologylab.warehouse.arrow import codes, floats
from apologylab.warehouse.keys import KEYS
from apologylab.warehouse.sql import identifier, text_literal

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import duckdb

    from apologylab.inference.moments import Floats

T = TypeVar("T")
R = TypeVar("R")
HELD = 256 * 2**20
"""Bytes of a panel's numbers that are kept in memory."""
ROWS, BYTES = 65_536, 64 * 2**20
"""Units in a batch, at least, and what it takes up, at most."""
A_CELL = 1_024
"""Units that a batch has of each cell, on average, if it may: small products are dear."""
LISTED = 32
"""Values of a key that are looked for one after the other; more are joined."""
WORKERS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Gatherer:
    """What to read: columns of a relation, in cells that are known.

    Attributes:
        cells: of the relation, all of them, sorted.
        rows: of the relation.
        names: of the columns, k.
        outcomes: those of them whose missing units are left out.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    has: AbstractSet[str]
    cells: Sequence[Cell]
    rows: int
    names: tuple[str, ...]
    outcomes: frozenset[str]

    @property
    def fits(self) -> bool:
        """Whether all units may stay in memory."""
        return 8 * (1 + len(self.names)) * self.rows <= HELD

    @property
    def batch(self) -> int:
        """Units in a batch."""
        most = BYTES // (8 * (1 + len(self.names)))
        return max(min(A_CELL * len(self.cells), most), ROWS)


@dataclass(kw_only=True, eq=False)
class Gathered:
    """Sums of all units, and the units themselves where they fit.

    Attributes:
        of: what was read.
        shift: (k,) taken off each column.
        totals: sums of products by cell.
        slabs: the units, empty unless they fit.
    """

    of: Gatherer
    shift: Floats
    totals: Totals
    slabs: list[Slab] = field(default_factory=list)

    def lacks(self, name: str) -> bool:
        """Whether some unit lacks a column."""
        row = 1 + self.of.names.index(name)
        return bool(np.isnan(self.totals.whole[:, row, row]).any())

    def units(self) -> Iterator[Slab]:
        """All units, from memory or from another scan."""
        if self.slabs:
            yield from self.slabs
            return
        for batch in _batches(self.of):
            yield from by_cell(batch.columns, batch.code, len(self.of.cells), self.shift)


def gather(of: Gatherer, shift: Mapping[str, float]) -> Gathered:
    """Read all units once; columns without a ``shift`` get one from the first batch."""
    batches = _batches(of) if of.cells else iter(())
    first = next(batches, None)
    guess = _shift(of, first, shift)
    size = 1 + len(of.names)
    found = Gathered(of=of, shift=guess, totals=Totals(whole=np.zeros((len(of.cells), size, size))))
    outcomes = [1 + i for i, name in enumerate(of.names) if name in of.outcomes]

    def work(batch: _Batch) -> list[tuple[Slab, Part]]:
        slabs = by_cell(batch.columns, batch.code, len(of.cells), guess)
        return [(slab, part(slab, outcomes)) for slab in slabs]

    for made in ahead(work, chain([first] if first else [], batches)):
        for slab, sums in made:
            found.totals.add(sums)
            if of.fits:
                found.slabs.append(slab)
    return found


class _Batch(NamedTuple):
    columns: list[Floats]
    code: Any


def _batches(of: Gatherer) -> Iterator[_Batch]:
    """The relation's units with the index of their cell."""
    numbers = ", ".join(f"CAST({identifier(name)} AS DOUBLE)" for name in of.names)
    levels = [sorted(set(each)) for each in zip(*of.cells, strict=True)]
    if max(map(len, levels)) > LISTED:
        units, lookup = _joined(of, numbers), np.append(np.arange(len(of.cells)), -1)
    else:
        units = f"SELECT {_place(of.has, levels)}, {numbers} FROM {of.relation}"
        at = {cell: i for i, cell in enumerate(of.cells)}
        lookup = np.array([*(at.get(Cell(*key), -1) for key in product(*levels)), -1])
    for batch in of.connection.execute(units).to_arrow_reader(of.batch):
        code, *columns = batch.columns
        yield _known(_Batch([floats(column) for column in columns], lookup[codes(code)]))


def _known(batch: _Batch) -> _Batch:
    """The units that are in a cell."""
    known = batch.code >= 0
    if known.all():
        return batch
    return _Batch([column[known] for column in batch.columns], batch.code[known])


def _joined(of: Gatherer, numbers: str) -> str:
    """SQL of the units with the index of their cell, by a join: for keys of many values."""
    present = [key for key in KEYS if key in of.has]
    columns = [
        f"unnest({_list([getattr(cell, key) for cell in of.cells])}) AS {key}" for key in present
    ]
    cells = f"SELECT {', '.join(columns)}, unnest(range({len(of.cells)})) AS place"
    return (
        f"SELECT CAST(place AS INTEGER), {numbers} FROM {of.relation} "
        f"JOIN ({cells}) USING ({', '.join(present)})"
    )


def _list(levels: Sequence[object]) -> str:
    listed = (text_literal(level) if isinstance(level, str) else str(level) for level in levels)
    return f"[{', '.join(listed)}]"


def _place(has: AbstractSet[str], values: Sequence[Sequence[object]]) -> str:
    """SQL of a row's cell: its place in the product of the keys' values, NULL if it has none."""
    place = "0"
    for key, levels in zip(KEYS, values, strict=True):
        if key in has:
            place = f"({place} * {len(levels)} + list_position({_list(levels)}, {key}) - 1)"
    return f"CAST({place} AS INTEGER)"


def _shift(of: Gatherer, first: _Batch | None, given: Mapping[str, float]) -> Floats:
    """What is taken off each column: its mean where that is far from 0."""
    shift = np.array([given.get(name, 0.0) for name in of.names])
    if first is None:
        return shift
    for j, (name, column) in enumerate(zip(of.names, first.columns, strict=True)):
        known = column[np.isfinite(column)]
        if name not in given and known.size and abs(mean := known.mean()) > FAR * known.std():
            shift[j] = mean
    return shift


def ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """``work`` on each item, in their order, made on threads a few items ahead."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
