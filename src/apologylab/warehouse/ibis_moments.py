"""Moments as one Ibis expression: counts, sums and sums of products by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from apologylab.inference.moments import Cell, Floats, Moments, Request
from apologylab.inference.slabs import refuse_infinite
from apologylab.warehouse.engines import exactly
from apologylab.warehouse.keys import KEYS


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """What several requests need of one scan, each sum once.

    Attributes:
        table: keys, and doubles that are NULL where missing.
        shift: what is taken off a column; 0 for those that are not there.
        wanted: (columns multiplied, outcome) -> its place among the aggregates.
    """

    table: Any
    shift: Mapping[str, float]
    wanted: dict[tuple[tuple[str, ...], str], int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many aggregates there are."""
        return len(self.wanted)

    def place(self, request: Request) -> Places:
        """Enter what a request needs; sums are over the units that have its outcome."""
        names, y = (request.outcome, *request.covariates), request.outcome

        def at(*factors: str) -> int:
            return self.wanted.setdefault((tuple(sorted(factors)), y), len(self.wanted))

        return Places(
            n=at(),
            sums=[at(name) for name in names],
            products=[[at(a, b) for a in names] for b in names],
            known=[self.wanted.setdefault(((f"count {x}",), y), len(self.wanted)) for x in names],
        )

    def expression(self) -> Any:
        """One row a cell: its keys, then the aggregates in their order."""
        made = {f"a{i}": self._sum(*each) for each, i in self.wanted.items()}
        return self.table.group_by(list(KEYS)).aggregate(**made)

    def _sum(self, factors: tuple[str, ...], outcome: str) -> Any:
        has = self.table[outcome].notnull()
        if not factors:
            return has.sum()
        if factors[0].startswith("count ") and len(factors) == 1:
            return self.table[factors[0].removeprefix("count ")].count(where=has)
        made = self._moved(factors[0])
        for name in factors[1:]:
            made = made * self._moved(name)
        return made.sum(where=has)

    def _moved(self, name: str) -> Any:
        at = self.shift.get(name, 0.0)
        return self.table[name] - exactly(at) if at else self.table[name]


class Places(NamedTuple):
    """Where a request's numbers stand; ``known`` counts the units that have each column too."""

    n: int
    sums: Sequence[int]
    products: Sequence[Sequence[int]]
    known: Sequence[int]

    def moments(
        self,
        request: Request,
        cells: Sequence[Cell],
        numbers: Floats,
        shift: Mapping[str, float],
    ) -> Moments:
        """The moments of the cells in which some unit has the outcome.

        Raises:
            InputError: the outcome holds an infinity.
        """
        columns = (request.outcome, *request.covariates)
        kept = numbers[:, self.n] > 0
        n, taken = numbers[kept, self.n], numbers[kept]
        lacking = taken[:, np.array(self.known)] < n[:, None]
        sums = np.where(lacking, np.nan, taken[:, np.array(self.sums)])
        either = lacking[:, :, None] | lacking[:, None, :]
        products = np.where(either, np.nan, taken[:, np.array(self.products)])
        refuse_infinite(request.outcome, products[:, 0, 0])
        return Moments(
            columns=columns,
            cells=tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep),
            shift=np.array([shift.get(name, 0.0) for name in columns]),
            n=n.astype(np.int64),
            sums=sums,
            products=products,
        )
