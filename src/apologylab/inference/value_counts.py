"""Value counts: how many units of each cell have each value of a column.

Quantiles and trimmed means need the whole distribution, and no more of the units than this. Like
moments it adds over disjoint sets of units, and it is small where values repeat: most customers
spend 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from apologylab.inference.moments import Cell, Counts, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueCounts:
    """One column over the units that have it, by cell and distinct value.

    Attributes:
        column: its name.
        cells: g keys, sorted; some may have no unit.
        cell: (r,) index into ``cells`` of each row, ascending.
        value: (r,) ascending within a cell, distinct there.
        n: (r,) units, each at least 1.
    """

    column: str
    cells: tuple[Cell, ...]
    cell: NDArray[np.intp]
    value: Floats
    n: Counts

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.cell, self.value, self.n)}
        if len(shapes) != 1 or self.cell.ndim != 1:
            raise InputError(f"value counts have shapes {shapes}", do="give one row a value")
        same = np.diff(self.cell) == 0
        if (np.diff(self.cell) < 0).any() or not (np.diff(self.value)[same] > 0).all():
            raise InputError("value counts are not sorted, or repeat", do="sort them")

    def of(self, cells: Sequence[Cell]) -> tuple[Floats, Counts]:
        """The distinct values (m,) of some cells together, ascending, and their units (m,)."""
        wanted = [self.cells.index(cell) for cell in cells]
        mine = np.isin(self.cell, wanted)
        value, at = np.unique(self.value[mine], return_inverse=True)
        return value, np.bincount(at, self.n[mine], len(value)).astype(np.int64)


def count_values(
    column: str, cells: tuple[Cell, ...], code: NDArray[np.intp], values: Floats
) -> ValueCounts:
    """The value counts of (n,) ``values`` in the cells that ``code`` (n,) indexes; nan is missing.

    >>> from apologylab.inference.moments import Cell
    >>> cells = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
    >>> found = count_values("y", cells, np.array([1, 0, 1]), np.array([5.0, 2.0, 5.0]))
    >>> found.value.tolist(), found.n.tolist()
    ([2.0, 5.0], [1, 2])
    """
    has = ~np.isnan(values)
    order = np.lexsort((values[has], code[has]))
    cell, value = code[has][order], values[has][order] + 0.0
    new = np.ones(len(cell), dtype=bool)
    new[1:] = (np.diff(cell) != 0) | (np.diff(value) != 0)
    first = np.flatnonzero(new)
    n = np.diff(np.append(first, len(cell))).astype(np.int64)
    return ValueCounts(column=column, cells=cells, cell=cell[first], value=value[first], n=n)
