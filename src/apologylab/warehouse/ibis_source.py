"""One expression for every engine: a panel asked through Ibis.

Numbers are doubles and what is missing is NULL, NaN too, before anything is summed; so an engine's
own rules for NaN never matter. What a covariate lacks is counted, and made ``nan`` here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.arrays import ArraySource
from apologylab.inference.derived import Derived, refuse_derived
from apologylab.inference.many.buckets import MARK
from apologylab.inference.moments import Cell, Fitted, Floats, Moments, Request
from apologylab.inference.sets import SetTotals, refuse_parts
from apologylab.inference.slabs import far_off
from apologylab.inference.survival.counts import EventCounts, Timed, counted, refuse_times
from apologylab.inference.value_counts import ValueCounts
from apologylab.warehouse.engines import Engine, Row, exactly, ibis, written
from apologylab.warehouse.ibis_derived import derived_column
from apologylab.warehouse.ibis_hc import Pass
from apologylab.warehouse.ibis_moments import Sums
from apologylab.warehouse.keys import KEYS
from apologylab.warehouse.sets import DRAWN_SET

if TYPE_CHECKING:
    pass

NUMBERS = {"version": "int64", "phase": "int64", DRAWN_SET: "int64"}
"""Columns that are whole numbers; arm and stratum are texts, all others doubles."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IbisSource:
    """A table or view of one row a unit, on an engine.

    Attributes:
        engine: where it lies.
        relation: its name there.
        columns: the names of its columns.
        made: columns derived of those.
        buckets: into how many each cell is split; 0: not at all.
    """

    engine: Engine
    relation: str
    columns: frozenset[str]
    made: Mapping[str, Derived] = field(default_factory=dict)
    buckets: int = 0

    @cached_property
    def table(self) -> Any:
        """The panel as an expression: keys, sets, and doubles that are NULL where missing."""
        lib = ibis()
        # Declared as singles, so that a cast is written whatever the columns are.
        kinds = {name: "string" if name in {"arm", "stratum"} else "float32" for name in self._own}
        table = lib.table(kinds, name=self.relation)
        keys = {
            key: (table[key] if key in self.columns else lib.literal(_absent(key))).cast(
                NUMBERS.get(key, "string")
            )
            for key in KEYS
        }
        sets = {DRAWN_SET: table[DRAWN_SET].cast("int64")} if DRAWN_SET in self.columns else {}
        numbers = {
            name: _number(lib, table[name])
            for name in sorted(self.columns - self.made.keys() - keys.keys() - sets.keys())
        }
        panel = table.select(**keys, **sets, **numbers)
        for name, each in self.made.items():
            panel = panel.mutate(**{name: derived_column(lib, each, panel)})
        return self._split(panel) if self.buckets else panel

    def _split(self, panel: Any) -> Any:
        """The panel with its strata split; rows are numbered first, a window of the whole."""
        lib = ibis()
        number = panel[DRAWN_SET] if DRAWN_SET in self.columns else lib.row_number()
        numbered = panel.mutate(nth=number.cast("int64"))
        which = (numbered.nth % self.buckets).cast("string")
        return numbered.mutate(stratum=numbered.stratum + MARK + which).drop("nth")

    @cached_property
    def rows(self) -> dict[Cell, int]:
        """Units in each cell, whatever is missing in them."""
        counted = self.table.group_by(list(KEYS)).aggregate(n=self.table.count())
        return {Cell(*row[: len(KEYS)]): int(row[-1]) for row in self.run(counted)}

    @property
    def _own(self) -> list[str]:
        return sorted(self.columns - self.made.keys())

    def run(self, expression: Any) -> Sequence[Row]:
        """The rows of an expression."""
        return self.engine.run(written(expression, self.engine.dialect))

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan; in another where columns lie far from 0."""
        self._refuse_unknown([name for each in requests for name in (each[0], *each[1])])
        if not requests:
            return []
        found = self._moments(requests, {})
        far: dict[str, float] = {}
        for each in found:
            far |= far_off(each)
        return self._moments(requests, far) if far else found

    def _moments(self, requests: Sequence[Request], shift: Mapping[str, float]) -> list[Moments]:
        sums = Sums(table=self.table, shift=shift)
        places = [sums.place(request) for request in requests]
        rows = sorted(self.run(sums.expression()), key=lambda row: row[: len(KEYS)])
        cells = tuple(Cell(*row[: len(KEYS)]) for row in rows)
        numbers = np.array([[x or 0.0 for x in row[len(KEYS) :]] for row in rows], dtype=float)
        numbers = numbers.reshape(len(rows), sums.count)
        return [
            place.moments(request, cells, numbers, shift)
            for request, place in zip(requests, places, strict=True)
        ]

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        """See :meth:`apologylab.inference.source.Source.hc_variances`; one scan."""
        second = Pass(lib=ibis(), table=self.table, fitted=fitted)
        return second.variances(self.run(second.expression()))

    def set_totals(self, outcomes: Sequence[str], *, by: str | None = None) -> list[SetTotals]:
        """See :meth:`apologylab.inference.source.Source.set_totals`; two scans each."""
        self._refuse_unknown((by or DRAWN_SET, *outcomes))
        return [self._set_totals(outcome, by or DRAWN_SET) for outcome in outcomes]

    def _set_totals(self, outcome: str, by: str) -> SetTotals:
        lib, table = ibis(), self.table
        known = table.filter(table[outcome].notnull())
        number = known[by].cast("int64")
        parted = lib.ifelse(known[by] != number.cast("float64"), 1, 0).sum()
        ((mean, some),) = self.run(known.aggregate(mean=known[outcome].mean(), some=parted))
        refuse_parts(by, parted=bool(some))
        shift = float(mean or 0.0)
        alone = known.mutate(
            number=number, alone=lib.ifelse(number.isnull(), lib.row_number() + 1, 0)
        )
        grouped = alone.group_by([*KEYS, "number", "alone"]).aggregate(
            n=alone.count(), total=(alone[outcome] - exactly(shift)).sum()
        )
        rows = self.run(grouped)
        cells, code, numbers = _by_cell(rows, 4)
        sets = [row[5] * -1 if row[4] is None else row[4] for row in rows]
        return SetTotals(
            outcome=outcome,
            shift=shift,
            cells=cells,
            cell=code,
            code=np.array(sets, dtype=np.int64),
            n=numbers[:, -2].astype(np.int64),
            total=numbers[:, -1],
        )

    def value_counts(self, columns: Sequence[str]) -> list[ValueCounts]:
        """See :meth:`apologylab.inference.source.Source.value_counts`; a scan each."""
        self._refuse_unknown(columns)
        return [self._value_counts(column) for column in columns]

    def _value_counts(self, column: str) -> ValueCounts:
        table = self.table
        known = table.filter(table[column].notnull())
        # Adding 0 makes -0 the same value as 0.
        by_value = known.mutate(value=known[column] + exactly(0.0)).group_by([*KEYS, "value"])
        cells, code, numbers = _by_cell(self.run(by_value.aggregate(n=lambda t: t.count())), 2)
        order = np.lexsort((numbers[:, 0], code))
        return ValueCounts(
            column=column,
            cells=cells,
            cell=code[order],
            value=numbers[order, 0] + 0.0,
            n=numbers[order, 1].astype(np.int64),
        )

    def events(self, timed: Sequence[Timed]) -> list[EventCounts]:
        """See :meth:`apologylab.inference.source.Source.events`; a scan each."""
        self._refuse_unknown([name for each in timed for name in each])
        return [self._events(each) for each in timed]

    def _events(self, timed: Timed) -> EventCounts:
        table = self.table
        known = table.filter(table[timed.time].notnull() & table[timed.end].notnull())
        ended = known.select(*KEYS, time=known[timed.time], end=known[timed.end])
        grouped = ended.group_by([*KEYS, "time", "end"]).aggregate(n=lambda t: t.count())
        cells, code, numbers = _by_cell(self.run(grouped), 3)
        time, end, n = numbers.T
        refuse_times(timed, time, end)
        return counted(timed, cells, code, time, end.astype(np.int64), n.astype(np.int64))

    def derive(self, columns: Mapping[str, Derived]) -> IbisSource:
        """See :meth:`apologylab.inference.source.Source.derive`."""
        known = set(self.columns)
        for name, each in columns.items():
            refuse_derived(name, each, known)
            known.add(name)
        return replace(self, columns=frozenset(known), made={**self.made, **columns})

    def bucketed(self, buckets: int) -> IbisSource:
        """See :meth:`apologylab.inference.source.Source.bucketed`."""
        return replace(self, buckets=buckets)

    def collect(self, columns: Sequence[str]) -> ArraySource:
        """The units themselves, in memory.

        Raises:
            NotEstimable: this engine gives no rows away.
        """
        self._refuse_unknown(columns)
        if not self.engine.gives_rows:
            raise NotEstimable(
                "this estimator needs the rows themselves, and none leave Spark",
                do="ask for one that reads sums, or analyse a sample in a file",
            )
        sets = [DRAWN_SET] if DRAWN_SET in self.columns else []
        cells, code, numbers = _by_cell(
            self.run(self.table.select(*KEYS, *sets, *columns)), len(sets) + len(columns)
        )
        return ArraySource(
            columns=dict(zip(columns, numbers[:, len(sets) :].T, strict=True)),
            cells=cells,
            code=code,
            drawn_set=numbers[:, 0].astype(np.intp) if sets else None,
        )

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise InputError(
                f"the panel has no column {unknown[0]!r}",
                do=f"its columns are {', '.join(sorted(self.columns))}",
            )


def _absent(key: str) -> int | str:
    """What stands for a key that the panel does not have."""
    return 1 if key in NUMBERS else ""


def _number(lib: Any, column: Any) -> Any:
    """A column as double, NULL where it is NaN."""
    number = column.cast("float64")
    return lib.ifelse(number.isnan(), lib.null("float64"), number)


def _by_cell(rows: Sequence[Row], width: int) -> tuple[tuple[Cell, ...], Any, Floats]:
    """Rows of keys and numbers: the cells, (r,) the index of each row's, (r, m) the numbers."""
    keys = [Cell(*row[: len(KEYS)]) for row in rows]
    cells = tuple(sorted(set(keys)))
    at = {cell: i for i, cell in enumerate(cells)}
    listed = [row[len(KEYS) :] for row in rows]
    numbers = np.array(listed, dtype=np.float64).reshape(len(rows), width)
    return cells, np.array([at[key] for key in keys], dtype=np.intp), numbers
