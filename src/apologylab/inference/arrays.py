"""Moments from numpy arrays: the reference implementation of :class:`Source`.

It is also the fast path of simulations: with cells given as codes, 20,000 units in 8 arms take
about a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.derived import computed, refuse_derived
from apologylab.inference.hc import hc_variances
from apologylab.inference.many.buckets import named
from apologylab.inference.moments import Cell, Floats, Moments, Request
from apologylab.inference.sets import SetTotals, refuse_parts
from apologylab.inference.slabs import Codes, by_cell
from apologylab.inference.survival.counts import EventCounts, Timed, counted, refuse_times
from apologylab.inference.value_counts import ValueCounts, count_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.inference.derived import Derived
    from apologylab.inference.moments import Fitted


@dataclass(frozen=True, kw_only=True, eq=False)
class ArraySource:
    """A panel in memory: one row a randomised unit.

    Attributes:
        columns: name -> (n,) floats; ``nan`` is missing.
        cells: g keys, sorted.
        code: (n,) index into ``cells`` of each unit.
        drawn_set: (n,) the number of each unit's block or cluster; None: drawn one by one.

    >>> source = ArraySource(
    ...     columns={"spend": np.array([1.0, 3.0, 5.0])},
    ...     cells=(Cell(1, 1, "basic", ""), Cell(1, 1, "silence", "")),
    ...     code=np.array([0, 0, 1]),
    ... )
    >>> source.moments([Request("spend")])[0].n.tolist()
    [2, 1]
    """

    columns: Mapping[str, Floats]
    cells: tuple[Cell, ...]
    code: Codes
    drawn_set: Codes | None = None

    def __post_init__(self) -> None:
        lengths = {name: column.shape for name, column in self.columns.items()}
        if any(shape != self.code.shape for shape in lengths.values()) or self.code.ndim != 1:
            raise InputError(
                f"columns have shapes {lengths} and the cells' codes {self.code.shape}",
                do="give one value a unit in each",
            )
        if list(self.cells) != sorted(set(self.cells)):
            raise InputError("the cells of a panel are not sorted, or repeat", do="sort them")

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests, in their order."""
        return [self._moments(request) for request in requests]

    def _moments(self, request: Request) -> Moments:
        names = (request.outcome, *request.covariates)
        columns, code = self._measured(request)
        finite = [column[np.isfinite(column)] for column in columns]
        shift = np.array([column.mean() if column.size else 0.0 for column in finite])
        centred = [column - at for column, at in zip(columns, shift, strict=True)]
        n = np.bincount(code, minlength=len(self.cells))
        sums = np.stack([self._sum(code, column) for column in centred], axis=1)
        products = self._outer(code, centred)
        seen = np.flatnonzero(n)
        return Moments(
            columns=names,
            cells=tuple(self.cells[i] for i in seen),
            shift=shift,
            n=n[seen].astype(np.int64),
            sums=sums[seen],
            products=products[seen],
        )

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        """See :meth:`apologylab.inference.source.Source.hc_variances`."""
        names = tuple(
            dict.fromkeys(
                name for each in fitted for name in (each.request.outcome, *each.request.covariates)
            )
        )
        shift = np.zeros(len(names))
        columns = [self.columns[name] for name in names]
        slabs = by_cell(columns, self.code, len(self.cells), shift)
        return hc_variances(fitted, self.cells, slabs, names, shift)

    def set_totals(self, outcomes: Sequence[str], *, by: str | None = None) -> list[SetTotals]:
        """See :meth:`apologylab.inference.source.Source.set_totals`."""
        if by is not None:
            self._refuse_unknown((by, *outcomes))
            alone = -1.0 - np.arange(len(self.code))
            number = np.where(np.isnan(self.columns[by]), alone, self.columns[by])
            refuse_parts(by, parted=bool((number != np.trunc(number)).any()))
            code = number.astype(np.intp)
            return [self._set_totals(outcome, code) for outcome in outcomes]
        if self.drawn_set is None:
            raise InputError(
                "the panel does not say which units were drawn together", do="give drawn_set"
            )
        return [self._set_totals(outcome, self.drawn_set) for outcome in outcomes]

    def _set_totals(self, outcome: str, drawn_set: Codes) -> SetTotals:
        y = self.columns[outcome]
        has = ~np.isnan(y)
        shift = float(y[has].mean()) if has.any() else 0.0
        numbers, place = np.unique(drawn_set[has], return_inverse=True)
        row, at = np.unique(place * len(self.cells) + self.code[has], return_inverse=True)
        return SetTotals(
            outcome=outcome,
            shift=shift,
            cells=self.cells,
            cell=(row % len(self.cells)).astype(np.intp),
            code=numbers[row // len(self.cells)].astype(np.int64),
            n=np.bincount(at, minlength=len(row)).astype(np.int64),
            total=np.bincount(at, y[has] - shift, len(row)).astype(np.float64, copy=False),
        )

    def value_counts(self, columns: Sequence[str]) -> list[ValueCounts]:
        """See :meth:`apologylab.inference.source.Source.value_counts`."""
        self._refuse_unknown(columns)
        return [count_values(each, self.cells, self.code, self.columns[each]) for each in columns]

    def events(self, timed: Sequence[Timed]) -> list[EventCounts]:
        """See :meth:`apologylab.inference.source.Source.events`."""
        return [self._events(each) for each in timed]

    def _events(self, timed: Timed) -> EventCounts:
        self._refuse_unknown(timed)
        time, kind = self.columns[timed.time], self.columns[timed.end]
        has = ~(np.isnan(time) | np.isnan(kind))
        time, kind, code = time[has], kind[has], self.code[has]
        refuse_times(timed, time, kind)
        one = np.ones(len(time), np.int64)
        return counted(timed, self.cells, code.astype(np.intp), time, kind.astype(np.int64), one)

    def derive(self, columns: Mapping[str, Derived]) -> ArraySource:
        """See :meth:`apologylab.inference.source.Source.derive`."""
        made = dict(self.columns)
        for name, each in columns.items():
            refuse_derived(name, each, made)
            made[name] = np.broadcast_to(computed(each, made), self.code.shape)
        return replace(self, columns=made)

    def bucketed(self, buckets: int) -> ArraySource:
        """See :meth:`apologylab.inference.source.Source.bucketed`."""
        number = np.arange(len(self.code)) if self.drawn_set is None else self.drawn_set
        key = self.code * buckets + number % buckets
        kept, code = np.unique(key, return_inverse=True)
        names = [
            self.cells[at // buckets]._replace(
                stratum=named(self.cells[at // buckets].stratum, int(at % buckets))
            )
            for at in kept
        ]
        cells = tuple(sorted(names))
        place = {cell: i for i, cell in enumerate(cells)}
        back = np.array([place[cell] for cell in names], dtype=np.intp)
        return replace(self, cells=cells, code=back[code])

    def collect(self, columns: Sequence[str]) -> ArraySource:
        """See :meth:`apologylab.inference.source.Source.collect`."""
        self._refuse_unknown(columns)
        return replace(self, columns={name: self.columns[name] for name in columns})

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise InputError(
                f"the panel has no column {unknown[0]!r}",
                do=f"its columns are {', '.join(self.columns)}",
            )

    def _measured(self, request: Request) -> tuple[list[Floats], Codes]:
        """The columns and codes of the units that have the outcome."""
        names = (request.outcome, *request.covariates)
        self._refuse_unknown(names)
        missing = np.isnan(self.columns[request.outcome])
        if not missing.any():
            return [self.columns[name] for name in names], self.code
        return [self.columns[name][~missing] for name in names], self.code[~missing]

    def _sum(self, code: Codes, values: Floats) -> Floats:
        total = np.bincount(code, weights=values, minlength=len(self.cells))
        return total.astype(np.float64, copy=False)

    def _outer(self, code: Codes, columns: Sequence[Floats]) -> Floats:
        """Sums by cell of the columns' products, (g, k, k)."""
        k = len(columns)
        total = np.empty((len(self.cells), k, k))
        for i in range(k):
            for j in range(i, k):
                total[:, i, j] = total[:, j, i] = self._sum(code, columns[i] * columns[j])
        return total


def panel(
    columns: Mapping[str, Floats],
    *,
    arm: Sequence[str],
    phase: Sequence[int] | None = None,
    stratum: Sequence[str] | None = None,
    drawn_set: Sequence[int] | None = None,
    version: int = 1,
) -> ArraySource:
    """An :class:`ArraySource` from labels, one a unit.

    >>> panel({"spend": np.array([1.0, 3.0])}, arm=["silence", "basic"]).cells[0].arm
    'basic'
    """
    phases = phase if phase is not None else [1] * len(arm)
    strata = stratum if stratum is not None else [""] * len(arm)
    keys = [
        Cell(version, int(p), str(a), str(s)) for p, a, s in zip(phases, arm, strata, strict=True)
    ]
    cells = tuple(sorted(set(keys)))
    at = {cell: i for i, cell in enumerate(cells)}
    code = np.array([at[key] for key in keys], dtype=np.intp)
    floats = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    sets = None if drawn_set is None else np.array(drawn_set, dtype=np.intp)
    return ArraySource(columns=floats, cells=cells, code=code, drawn_set=sets)
