"""Moments of a panel held by DuckDB: every request in one scan (R25)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import NamedTuple

import duckdb
import numpy as np

from apologylab.errors import InputError
from apologylab.inference.moments import Cell, CellFit, Floats, Moments, Request
from apologylab.warehouse.hc2 import hc2_meat
from apologylab.warehouse.keys import grouping, keys_of, selected
from apologylab.warehouse.sql import double, identifier

PILOT_ROWS = 2_000
"""Rows that the shifts are read from: they need the right order of magnitude, not the mean."""


@dataclass(kw_only=True, eq=False)
class DuckSource:
    """A relation of one row a unit: keys, outcomes, covariates. NULL and NaN are missing.

    Attributes:
        connection: where the relation lives.
        relation: its name.
        columns: the names of its columns.
        rows: units in each cell, whatever is missing in them; known after a scan.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    columns: frozenset[str]
    rows: dict[Cell, int] = field(default_factory=dict)

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan, in their order.

        Raises:
            InputError: the panel has no such column, or an outcome holds an infinity.
        """
        names = tuple(dict.fromkeys(name for request in requests for name in _columns(request)))
        self._refuse_unknown(names)
        shift = _shifts(self.connection, self.relation, names)
        aggregates: dict[str, int] = {}
        places = [_places(aggregates, names, request) for request in requests]
        cells, numbers = self._scan(shift, tuple(aggregates))
        return [
            _fold(request, cells, numbers, place, shift)
            for request, place in zip(requests, places, strict=True)
        ]

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise InputError(
                f"the panel has no column {unknown[0]!r}",
                do=f"its columns are {', '.join(sorted(self.columns))}",
            )

    def hc2_meat(self, request: Request, fits: Mapping[Cell, CellFit]) -> Mapping[Cell, Floats]:
        """Sum over each cell's units of e^2 / (1 - h) z z', h = z' gram_inverse z: (k+1, k+1)."""
        return hc2_meat(self.connection, self.relation, self.columns, request, fits)

    def _scan(
        self, shift: Mapping[str, float], aggregates: Sequence[str]
    ) -> tuple[tuple[Cell, ...], Floats]:
        """The one scan: cells in order, and (g, m) the aggregates in each."""
        wanted = ", ".join([selected(self.columns), "count(*)", *aggregates])
        units = _shifted(self.relation, self.columns, shift)
        found = self.connection.execute(
            f"SELECT {wanted} FROM ({units}) {grouping(self.columns)}"
        ).fetchall()
        found.sort(key=lambda row: row[:4])
        cells = tuple(Cell(*row[:4]) for row in found)
        self.rows = {cell: row[4] for cell, row in zip(cells, found, strict=True)}
        numbers = [[value or 0.0 for value in row[5:]] for row in found]
        return cells, np.array(numbers, dtype=np.float64).reshape(len(found), len(aggregates))


class _Places(NamedTuple):
    """Where a request's numbers stand among the scan's aggregates."""

    n: int
    sums: tuple[int, ...]
    products: tuple[tuple[int, ...], ...]


def _columns(request: Request) -> tuple[str, ...]:
    return (request.outcome, *request.covariates)


def _shifts(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str]
) -> dict[str, float]:
    """What is taken off each column: its mean where that is large beside its spread, else 0.

    Sums of squares lose digits only where mean^2 far exceeds the variance, and a shift of 0 keeps
    sums of whole numbers exact.
    """
    if not names:
        return {}
    lists = ", ".join(f"list(CAST({identifier(name)} AS DOUBLE))" for name in names)
    pilot = f"SELECT * FROM {relation} LIMIT {PILOT_ROWS}"
    columns = connection.execute(f"SELECT {lists} FROM ({pilot})").fetchone() or ()
    return {name: _shift(values) for name, values in zip(names, columns, strict=True)}


def _shift(values: Sequence[float | None] | None) -> float:
    known = np.array([value for value in values or () if value is not None], dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size or abs(known.mean()) <= 3 * known.std():
        return 0.0
    return float(known.mean())


def _shifted(relation: str, columns: frozenset[str], shift: Mapping[str, float]) -> str:
    """SQL of the relation with y0, y1.. as outcomes and x0, x1.. as covariates, both shifted.

    A missing outcome is NULL, so that sums leave it out; a missing covariate NaN, so that it shows.
    """
    parts = [*keys_of(columns)]
    for i, (name, mean) in enumerate(shift.items()):
        value = f"CAST({identifier(name)} AS DOUBLE)"
        moved = f"{value} - {double(mean)}" if mean else value
        parts.append(f"CASE WHEN NOT isnan({value}) THEN {moved} END AS y{i}")
        parts.append(f"coalesce({moved}, 'nan'::DOUBLE) AS x{i}")
    return f"SELECT {', '.join(parts) or '1'} FROM {relation}"


def _places(aggregates: dict[str, int], names: Sequence[str], request: Request) -> _Places:
    """Enter what a request needs among the aggregates, each once."""

    def place(expression: str) -> int:
        return aggregates.setdefault(expression, len(aggregates))

    y = f"y{names.index(request.outcome)}"
    columns = [y, *(f"x{names.index(name)}" for name in request.covariates)]
    only = f" FILTER (WHERE {y} IS NOT NULL)"
    products: dict[tuple[int, int], int] = {}
    for i, j in combinations_with_replacement(range(len(columns)), 2):
        found = place(f"sum({columns[i]} * {columns[j]})" + (only if i else ""))
        products[i, j] = products[j, i] = found
    sums = (place(f"sum({y})"), *(place(f"sum({x}){only}") for x in columns[1:]))
    size = range(len(columns))
    square = tuple(tuple(products[i, j] for j in size) for i in size)
    return _Places(place(f"count({y})"), sums, square)


def _fold(
    request: Request,
    cells: tuple[Cell, ...],
    numbers: Floats,
    places: _Places,
    shift: Mapping[str, float],
) -> Moments:
    """One request's moments, without the cells in which no unit has the outcome."""
    n = numbers[:, places.n].astype(np.int64)
    kept = n > 0
    products = numbers[kept][:, np.array(places.products)]
    if np.isinf(products[:, 0, 0]).any():
        raise InputError(
            f"column {request.outcome!r} holds an infinity",
            do="correct what divides by zero, or leave a missing outcome empty",
        )
    return Moments(
        columns=_columns(request),
        cells=tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep),
        shift=np.array([shift[name] for name in _columns(request)]),
        n=n[kept],
        sums=numbers[kept][:, np.array(places.sums)],
        products=products,
    )
