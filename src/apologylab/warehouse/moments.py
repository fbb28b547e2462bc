"""Moments of a panel held by DuckDB: every request in one scan (R25)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import NamedTuple

import duckdb
import numpy as np

from apologylab.errors import InputError
from apologylab.inference.arrays import ArraySource
from apologylab.inference.derived import Derived, refuse_derived
from apologylab.inference.moments import Cell, Fitted, Floats, Moments, Request
from apologylab.inference.sets import SetTotals
from apologylab.inference.value_counts import ValueCounts
from apologylab.inference.survival.counts import EventCounts, Timed
from apologylab.warehouse.collect import collected
from apologylab.warehouse.derived import derived_sql
from apologylab.warehouse.events import event_counts
from apologylab.warehouse.hc import stream_variances
from apologylab.warehouse.keys import grouping, keys_of, selected
from apologylab.warehouse.sets import DRAWN_SET, set_totals
from apologylab.warehouse.sql import double, identifier
from apologylab.warehouse.value_counts import value_counts

FAR = 30.0
"""A column whose mean is this many standard deviations from 0 is summed again about its mean."""


@dataclass(kw_only=True, eq=False)
class DuckSource:
    """A relation of one row a unit: keys, outcomes, covariates. NULL and NaN are missing.

    Attributes:
        connection: where the relation lives.
        relation: its name.
        columns: the names of its columns.
        rows: units in each cell, whatever is missing in them; known after a scan.
        gapped: outcomes that some units were seen to lack.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    columns: frozenset[str]
    rows: dict[Cell, int] = field(default_factory=dict)
    gapped: set[str] = field(default_factory=set)

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan, in their order.

        Another is made only where the first shows that it must be: where a column holds NaN or
        units lack an outcome, or a column lies so far from 0 that its sums of squares lose digits.

        Raises:
            InputError: the panel has no such column, or an outcome holds an infinity.
        """
        names = tuple(dict.fromkeys(name for request in requests for name in _columns(request)))
        self._refuse_unknown(names)
        columns = {name: _Column() for name in names}
        while True:
            found = self._read(requests, columns)
            again = {name: _better(name, read_as, found) for name, read_as in columns.items()}
            if again == columns:
                return found
            columns = again

    def _read(self, requests: Sequence[Request], columns: Mapping[str, _Column]) -> list[Moments]:
        aggregates: dict[str, int] = {}
        places = [
            _places(aggregates, tuple(columns), request, gapped=request.outcome in self.gapped)
            for request in requests
        ]
        cells, numbers = self._scan(columns, tuple(aggregates))
        lacked = self._lacked(requests, [numbers[:, place.n].sum() for place in places])
        if not lacked <= self.gapped:
            self.gapped |= lacked
            return self._read(requests, columns)
        return [
            _fold(request, cells, numbers, place, columns)
            for request, place in zip(requests, places, strict=True)
        ]

    def _lacked(self, requests: Sequence[Request], n: Sequence[float]) -> set[str]:
        """Outcomes that some units lack, where sums over all units are not those of its own."""
        rows = sum(self.rows.values())
        asked = zip(requests, n, strict=True)
        return {request.outcome for request, units in asked if request.covariates and units < rows}

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise InputError(
                f"the panel has no column {unknown[0]!r}",
                do=f"its columns are {', '.join(sorted(self.columns))}",
            )

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        """See :meth:`apologylab.inference.source.Source.hc_variances`; one scan."""
        return stream_variances(self.connection, self.relation, self.columns, fitted)

    def set_totals(self, outcomes: Sequence[str]) -> list[SetTotals]:
        """Counts and sums of each outcome by block or cluster; a scan each."""
        self._refuse_unknown((DRAWN_SET, *outcomes))
        return [set_totals(self.connection, self.relation, self.columns, each) for each in outcomes]

    def value_counts(self, columns: Sequence[str]) -> list[ValueCounts]:
        """Units of each cell by distinct value; a scan each."""
        self._refuse_unknown(columns)
        return [value_counts(self.connection, self.relation, self.columns, c) for c in columns]

    def events(self, timed: Sequence[Timed]) -> list[EventCounts]:
        """Units by cell, time and kind of end; a scan each."""
        self._refuse_unknown([name for each in timed for name in each])
        return [event_counts(self.connection, self.relation, self.columns, each) for each in timed]

    def derive(self, columns: Mapping[str, Derived]) -> DuckSource:
        """The same panel with more columns; its rows are counted together with this one's."""
        known = set(self.columns)
        for name, each in columns.items():
            refuse_derived(name, each, known)
            known.add(name)
        relation = self.relation
        for name, each in columns.items():
            relation = f"(SELECT *, {derived_sql(each)} AS {identifier(name)} FROM {relation})"
        return DuckSource(
            connection=self.connection,
            relation=relation,
            columns=frozenset(known),
            rows=self.rows,
        )

    def collect(self, columns: Sequence[str]) -> ArraySource:
        """The units themselves, in memory."""
        self._refuse_unknown(columns)
        return collected(self.connection, self.relation, self.columns, columns)

    def _scan(
        self, read_as: Mapping[str, _Column], aggregates: Sequence[str]
    ) -> tuple[tuple[Cell, ...], Floats]:
        """The one scan: cells in order, and (g, m) the aggregates in each."""
        wanted = ", ".join([selected(self.columns), "count(*)", *aggregates])
        units = _units(self.relation, self.columns, read_as)
        found = self.connection.execute(
            f"SELECT {wanted} FROM ({units}) {grouping(self.columns)}"
        ).fetchall()
        found.sort(key=lambda row: row[:4])
        cells = tuple(Cell(*row[:4]) for row in found)
        self.rows.clear()
        self.rows.update({cell: row[4] for cell, row in zip(cells, found, strict=True)})
        numbers = [[value or 0.0 for value in row[5:]] for row in found]
        return cells, np.array(numbers, dtype=np.float64).reshape(len(found), len(aggregates))


class _Places(NamedTuple):
    """Where a request's numbers stand among the scan's aggregates."""

    n: int
    sums: tuple[int, ...]
    products: tuple[tuple[int, ...], ...]


def _columns(request: Request) -> tuple[str, ...]:
    return (request.outcome, *request.covariates)


class _Column(NamedTuple):
    """How a column is read: what is taken off it, and whether NaN is looked for."""

    shift: float = 0.0
    has_nan: bool = False


def _better(name: str, read_as: _Column, found: Sequence[Moments]) -> _Column:
    """How a column should have been read, by what was found; the same if it was read well.

    Sums of squares lose digits only where mean^2 far exceeds the variance; elsewhere a shift of 0
    keeps the sums of whole numbers exact.
    """
    if read_as.shift:
        return read_as
    moments = next(each for each in found if name in each.columns)
    k = moments.columns.index(name)
    if np.isnan(moments.sums[:, k]).any():
        return _Column(has_nan=True)
    n = max(int(moments.n.sum()), 1)
    mean = float(moments.sums[:, k].sum()) / n
    square = float(moments.products[:, k, k].sum()) / n
    is_far = mean**2 > FAR**2 * (square - mean**2)
    return read_as._replace(shift=mean if is_far else 0.0)


def _units(relation: str, columns: frozenset[str], read_as: Mapping[str, _Column]) -> str:
    """SQL of the relation with y0, y1.. as outcomes and x0, x1.. as covariates, both shifted.

    A missing outcome is NULL, so that sums leave it out; a missing covariate NaN, so that it shows.
    """
    parts = [*keys_of(columns)]
    for i, (name, column) in enumerate(read_as.items()):
        value = f"CAST({identifier(name)} AS DOUBLE)"
        moved = f"{value} - {double(column.shift)}" if column.shift else value
        known = f"CASE WHEN NOT isnan({value}) THEN {moved} END" if column.has_nan else moved
        parts.append(f"{known} AS y{i}")
        parts.append(f"coalesce({moved}, 'nan'::DOUBLE) AS x{i}")
    return f"SELECT {', '.join(parts) or '1'} FROM {relation}"


def _places(
    aggregates: dict[str, int], names: Sequence[str], request: Request, *, gapped: bool
) -> _Places:
    """Enter what a request needs among the aggregates, each once.

    Only where units lack the outcome are the covariates' sums its own: filtered sums are dear.
    """

    def place(expression: str) -> int:
        return aggregates.setdefault(expression, len(aggregates))

    y = f"y{names.index(request.outcome)}"
    columns = [y, *(f"x{names.index(name)}" for name in request.covariates)]
    only = f" FILTER (WHERE {y} IS NOT NULL)" if gapped else ""
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
    read_as: Mapping[str, _Column],
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
        shift=np.array([read_as[name].shift for name in _columns(request)]),
        n=n[kept],
        sums=numbers[kept][:, np.array(places.sums)],
        products=products,
    )
