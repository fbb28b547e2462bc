"""Value counts of a column of a DuckDB panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.value_counts import ValueCounts
from apologylab.warehouse.keys import KEYS, selected
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import duckdb


def value_counts(
    connection: duckdb.DuckDBPyConnection, relation: str, has: AbstractSet[str], column: str
) -> ValueCounts:
    """Units by cell and distinct value; NULL and NaN are missing."""
    keys = ", ".join(KEYS)
    cells = f"SELECT DISTINCT {selected(has)} FROM {relation} ORDER BY {keys}"
    listed = tuple(Cell(*key) for key in connection.execute(cells).fetchall())
    values = f"SELECT {selected(has)}, CAST({identifier(column)} AS DOUBLE) + 0.0 AS v"
    code = f"(SELECT *, row_number() OVER (ORDER BY {keys}) - 1 AS code FROM ({cells}))"
    found = connection.execute(
        f"SELECT code, v, count(*) AS n FROM ({values} FROM {relation}) JOIN {code} "
        f"USING ({keys}) WHERE v IS NOT NULL AND NOT isnan(v) GROUP BY ALL ORDER BY code, v"
    ).fetchnumpy()
    return ValueCounts(
        column=column,
        cells=listed,
        cell=np.asarray(found["code"], dtype=np.intp),
        value=np.asarray(found["v"], dtype=np.float64),
        n=np.asarray(found["n"], dtype=np.int64),
    )
