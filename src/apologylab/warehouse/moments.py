"""Moments of a panel held by DuckDB: every request in one scan (R25)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np

from apologylab.errors import InputError
from apologylab.inference.arrays import ArraySource
from apologylab.inference.derived import Derived, refuse_derived
from apologylab.inference.hc import hc_variances
from apologylab.inference.many.buckets import MARK
from apologylab.inference.moments import Cell, Fitted, Moments, Request
from apologylab.inference.sets import SetTotals
from apologylab.inference.slabs import far_off
from apologylab.inference.survival.counts import EventCounts, Timed
from apologylab.inference.value_counts import ValueCounts
from apologylab.warehouse.collect import collected
from apologylab.warehouse.derived import derived_sql
from apologylab.warehouse.events import event_counts
from apologylab.warehouse.gather import Gathered, Gatherer, ahead, gather
from apologylab.warehouse.sets import DRAWN_SET, set_totals
from apologylab.warehouse.sql import identifier
from apologylab.warehouse.sums import ReadAs, column_moments
from apologylab.warehouse.value_counts import value_counts


@dataclass(kw_only=True, eq=False)
class DuckSource:
    """A relation of one row a unit: keys, outcomes, covariates. NULL and NaN are missing.

    Attributes:
        connection: where the relation lives.
        relation: its name.
        columns: the names of its columns.
        rows: units in each cell, whatever is missing in them; known after a scan.
        held: what was last gathered for joint moments.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    columns: frozenset[str]
    rows: dict[Cell, int] = field(default_factory=dict)
    held: Gathered | None = None

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan, in their order; a quick one of the keys alone before it.

        Another is made only where the first shows that it must be: where a column holds NaN, or
        lies so far from 0 that its sums of squares lose digits.

        Raises:
            InputError: the panel has no such column, or an outcome holds an infinity.
        """
        self._refuse_unknown([name for request in requests for name in _columns(request)])
        if any(request.covariates for request in requests):
            return self._joint(requests)
        names = dict.fromkeys(request.outcome for request in requests)
        columns = {name: ReadAs() for name in names}
        while True:
            found = dict(zip(names, self._single(columns), strict=True))
            again = {name: _better(each, found[name]) for name, each in columns.items()}
            if again == columns:
                return [found[request.outcome] for request in requests]
            columns = again

    def _single(self, columns: Mapping[str, ReadAs]) -> list[Moments]:
        """Columns each by itself."""
        self.rows.clear()
        rows, moments = column_moments(self.connection, self.relation, self.columns, columns)
        self.rows.update(rows)
        return moments

    def _joint(self, requests: Sequence[Request]) -> list[Moments]:
        """Outcomes with covariates."""
        held = self._gathered(requests)
        found = _moments_of(held, requests)
        far: dict[str, float] = {}
        for each in found:
            far |= far_off(each)
        if not far:
            return found
        self.held = gather(
            held.of, dict(zip(held.of.names, held.shift.tolist(), strict=True)) | far
        )
        return _moments_of(self.held, requests)

    def lacked(self, outcomes: Sequence[str], covariates: Sequence[str]) -> list[str] | None:
        """The covariates that some unit lacks; None where the panel is too large to tell cheaply.

        They are gathered with ``outcomes``, so that an analysis of these finds all in memory.
        """
        requests = [Request(name, tuple(covariates)) for name in (*outcomes, covariates[0])]
        if not self._reads(requests).fits:
            return None
        held = self._gathered(requests)
        return [name for name in covariates if held.lacks(name)]

    def _gathered(self, requests: Sequence[Request]) -> Gathered:
        """The columns of ``requests``; read unless what is held has them."""
        of = self._reads(requests)
        held = self.held
        if not (held and set(of.names) <= set(held.of.names) and of.outcomes <= held.of.outcomes):
            held = self.held = gather(of, {})
        return held

    def _reads(self, requests: Sequence[Request]) -> Gatherer:
        if not self.rows:
            self._single({})
        return Gatherer(
            connection=self.connection,
            relation=self.relation,
            has=self.columns,
            cells=sorted(self.rows),
            rows=sum(self.rows.values()),
            names=tuple(dict.fromkeys(name for each in requests for name in _columns(each))),
            outcomes=frozenset(request.outcome for request in requests),
        )

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise InputError(
                f"the panel has no column {unknown[0]!r}",
                do=f"its columns are {', '.join(sorted(self.columns))}",
            )

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        """See :meth:`apologylab.inference.source.Source.hc_variances`.

        It is a scan where the units do not fit into memory.
        """
        held = self._gathered([each.request for each in fitted])
        of = held.of
        return hc_variances(fitted, of.cells, held.units(), of.names, held.shift, ahead)

    def set_totals(self, outcomes: Sequence[str], *, by: str | None = None) -> list[SetTotals]:
        """Counts and sums of each outcome by block, cluster or another column; a scan each."""
        by = by or DRAWN_SET
        self._refuse_unknown((by, *outcomes))
        return [
            set_totals(self.connection, self.relation, self.columns, each, by) for each in outcomes
        ]

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
            held=self.held,
        )

    def bucketed(self, buckets: int) -> DuckSource:
        """See :meth:`apologylab.inference.source.Source.bucketed`."""
        number = DRAWN_SET if DRAWN_SET in self.columns else "row_number() OVER ()"
        stratum = "stratum" if "stratum" in self.columns else "''"
        kept = "* EXCLUDE (stratum)" if "stratum" in self.columns else "*"
        name = f"{stratum} || '{MARK}' || CAST({number} % {buckets} AS VARCHAR) AS stratum"
        return DuckSource(
            connection=self.connection,
            relation=f"(SELECT {kept}, {name} FROM {self.relation})",
            columns=self.columns | {"stratum"},
        )

    def collect(self, columns: Sequence[str]) -> ArraySource:
        """The units themselves, in memory."""
        self._refuse_unknown(columns)
        return collected(self.connection, self.relation, self.columns, columns)


def _columns(request: Request) -> tuple[str, ...]:
    return (request.outcome, *request.covariates)


def _moments_of(held: Gathered, requests: Sequence[Request]) -> list[Moments]:
    of = held.of
    return [held.totals.moments(each, of.names, of.cells, held.shift) for each in requests]


def _better(read_as: ReadAs, found: Moments) -> ReadAs:
    """How a column should have been read, by what was found; the same if it was read well."""
    if read_as.shift:
        return read_as
    if np.isnan(found.sums).any():
        return ReadAs(has_nan=True)
    return read_as._replace(shift=far_off(found).get(found.columns[0], 0.0))
