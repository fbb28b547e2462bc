"""Moments of single columns of a DuckDB panel, by SQL: a sum and a sum of squares each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.moments import Cell, Floats, Moments, Request
from apologylab.inference.slabs import refuse_infinite
from apologylab.warehouse.keys import grouping, keys_of, selected
from apologylab.warehouse.sql import double, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import duckdb


class ReadAs(NamedTuple):
    """How a column is read: what is taken off it, and whether NaN is looked for."""

    shift: float = 0.0
    has_nan: bool = False


class Summed(NamedTuple):
    """One scan: units in each cell whatever is missing, and each column's moments."""

    rows: dict[Cell, int]
    moments: list[Moments]


def column_moments(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    has: AbstractSet[str],
    columns: Mapping[str, ReadAs],
) -> Summed:
    """One scan for all ``columns``; those that hold NaN unawares have sums of NaN.

    Raises:
        InputError: a column holds an infinity.
    """
    sums = [f"count(y{i}), sum(y{i}), sum(y{i} * y{i})" for i in range(len(columns))]
    wanted = ", ".join([selected(has), "count(*)", *sums])
    units = _units(relation, has, columns)
    found = connection.execute(f"SELECT {wanted} FROM ({units}) {grouping(has)}").fetchall()
    found.sort(key=lambda row: row[:4])
    cells = tuple(Cell(*row[:4]) for row in found)
    listed = [[value or 0.0 for value in row[5:]] for row in found]
    numbers = np.array(listed, dtype=np.float64).reshape(len(cells), len(columns), 3)
    return Summed(
        {cell: row[4] for cell, row in zip(cells, found, strict=True)},
        [
            _moments(name, read_as.shift, cells, numbers[:, i])
            for i, (name, read_as) in enumerate(columns.items())
        ],
    )


def _units(relation: str, has: AbstractSet[str], columns: Mapping[str, ReadAs]) -> str:
    """SQL of the relation with y0, y1.. as columns less their shift; NULL where missing."""
    parts = [*keys_of(has)]
    for i, (name, column) in enumerate(columns.items()):
        value = f"CAST({identifier(name)} AS DOUBLE)"
        moved = f"{value} - {double(column.shift)}" if column.shift else value
        known = f"CASE WHEN NOT isnan({value}) THEN {moved} END" if column.has_nan else moved
        parts.append(f"{known} AS y{i}")
    return f"SELECT {', '.join(parts) or '1'} FROM {relation}"


def _moments(name: str, shift: float, cells: Sequence[Cell], numbers: Floats) -> Moments:
    """One column's moments, without the cells in which no unit has it."""
    kept = numbers[:, 0] > 0
    n, sums, squares = numbers[kept].T
    refuse_infinite(name, squares)
    return Moments(
        columns=Request(name)[:1],
        cells=tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep),
        shift=np.array([shift]),
        n=n.astype(np.int64),
        sums=sums[:, None],
        products=squares[:, None, None],
    )
