"""The second pass of a regression as one Ibis expression; :mod:`apologylab.inference.hc` has it.

A cell's numbers stand in constant arrays, which the index of a unit's cell looks up: no table has
to be made on the engine, and none joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from apologylab.inference.hc import DISCOUNT
from apologylab.inference.moments import LEVERAGE_LEFT, Cell, Fitted, Floats
from apologylab.warehouse.engines import exactly
from apologylab.warehouse.keys import KEYS

if TYPE_CHECKING:
    from apologylab.warehouse.engines import Row


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One second pass for several fits.

    Attributes:
        lib: Ibis.
        table: keys, and doubles that are NULL where missing.
        fitted: requests with the fits of their cells.
    """

    lib: Any
    table: Any
    fitted: Sequence[Fitted]

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell that some fit has."""
        return sorted({cell for each in self.fitted for cell in each.fits})

    def expression(self) -> Any:
        """One row a cell: its index, then for each fit three aggregates (see :meth:`_sums`)."""
        coded = self.table.mutate(cell=self._code())
        known = coded.filter(coded.cell.notnull())
        sums: dict[str, Any] = {}
        for i, each in enumerate(self.fitted):
            sums |= {f"{name}{i}": made for name, made in self._sums(each, known).items()}
        return known.group_by("cell").aggregate(**sums)

    def variances(self, rows: Sequence[Row]) -> list[dict[Cell, float]]:
        """The variance of each fit's intercepts from the rows of :meth:`expression`."""
        found: list[dict[Cell, float]] = [{} for _ in self.fitted]
        for code, *sums in rows:
            cell = self.cells[int(code)]
            for i, each in enumerate(self.fitted):
                total, lone, lacking = sums[3 * i : 3 * i + 3]
                if cell in each.fits:
                    sound = not lone and not lacking
                    found[i][cell] = float(total or 0.0) if sound else float("nan")
        return found

    def _code(self) -> Any:
        """The index of a unit's cell, NULL for a cell without a fit."""
        table = self.table
        branches = []
        for i, cell in enumerate(self.cells):
            same = [table[key] == value for key, value in zip(KEYS, cell, strict=True)]
            branches.append((same[0] & same[1] & same[2] & same[3], i))
        return self.lib.cases(*branches, else_=self.lib.null("int64")).cast("int32")

    def _sums(self, each: Fitted, known: Any) -> dict[str, Any]:
        """The sum, units that decide their own fit, and units that lack a covariate."""
        numbers = _Numbers(self, each, known)
        z, has = numbers.z(), known[each.request.outcome].notnull()
        lever = [numbers.lever(i, z) for i in range(len(z) + 1)]
        left = 1 - lever[0]
        for one, by in zip(z, lever[1:], strict=True):
            left = left - one * by
        residual = known[each.request.outcome] - numbers.beta(0)
        for i, one in enumerate(z, start=1):
            residual = residual - numbers.beta(i) * one
        lone = left < exactly(LEVERAGE_LEFT)
        made = residual * residual * lever[0] * lever[0]
        for _ in range(DISCOUNT[each.errors]):
            made = made / self.lib.ifelse(lone, self.lib.null("float64"), left)
        return {
            "total": made.sum(where=has),
            "lone": lone.sum(where=has),
            "lacking": left.isnull().sum(where=has),
        }


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The numbers of a unit's cell, as columns."""

    of: Pass
    each: Fitted
    known: Any

    def z(self) -> list[Any]:
        """Covariates less their centre."""
        return [
            self.known[name] - self._looked_up([fit.centre[j] for fit in self._fits()])
            for j, name in enumerate(self.each.request.covariates)
        ]

    def beta(self, i: int) -> Any:
        """A coefficient, the intercept first."""
        return self._looked_up([fit.beta[i] for fit in self._fits()])

    def lever(self, i: int, z: Sequence[Any]) -> Any:
        """G^-1 z, its element i."""
        rows: list[Floats] = [fit.gram_inverse[i] for fit in self._fits()]
        made = self._looked_up([row[0] for row in rows])
        for j, one in enumerate(z, start=1):
            made = made + self._looked_up([row[j] for row in rows]) * one
        return made

    def _fits(self) -> list[Any]:
        """The fit of every cell; a cell without one has another's, and its sum is not read."""
        some = next(iter(self.each.fits.values()))
        return [self.each.fits.get(cell, some) for cell in self.of.cells]

    def _looked_up(self, values: Sequence[np.float64]) -> Any:
        if len(set(values)) == 1:
            return exactly(values[0])
        return self.of.lib.array([exactly(value) for value in values])[self.known.cell]
