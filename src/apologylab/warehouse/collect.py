"""The units of a DuckDB panel in memory, for estimators that need them all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell, Floats
from apologylab.warehouse.keys import KEYS, selected
from apologylab.warehouse.sets import DRAWN_SET
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import duckdb


def collected(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    has: AbstractSet[str],
    columns: Sequence[str],
) -> ArraySource:
    """``columns`` of every unit as floats, NULL as ``nan``, in the order of the relation."""
    keys = ", ".join(KEYS)
    present = selected(has)
    cells = f"SELECT DISTINCT {present} FROM {relation} ORDER BY {keys}"
    listed = tuple(Cell(*key) for key in connection.execute(cells).fetchall())
    numbers = [f"CAST({identifier(name)} AS DOUBLE) AS c{i}" for i, name in enumerate(columns)]
    drawn = [f"CAST({DRAWN_SET} AS BIGINT) AS {DRAWN_SET}"] if DRAWN_SET in has else []
    rows = f"SELECT {', '.join([present, *numbers, *drawn])} FROM {relation}"
    code = "(SELECT *, row_number() OVER (ORDER BY " + keys + f") - 1 AS code FROM ({cells}))"
    found = connection.execute(
        f"SELECT code, * EXCLUDE ({keys}, code) FROM ({rows}) JOIN {code} USING ({keys})"
    ).fetchnumpy()
    return ArraySource(
        columns={name: _floats(found[f"c{i}"]) for i, name in enumerate(columns)},
        cells=listed,
        code=np.asarray(found["code"], dtype=np.intp),
        drawn_set=np.asarray(found[DRAWN_SET], dtype=np.intp) if drawn else None,
    )


def _floats(column: Any) -> Floats:
    """``column`` as DuckDB gives it: masked where some are NULL."""
    filled: Floats = np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
    return filled
