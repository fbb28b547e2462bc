"""Event counts of a panel held by DuckDB, in one scan each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.survival.counts import EventCounts, Timed, counted, refuse_times
from apologylab.warehouse.keys import KEYS, selected
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import duckdb


def event_counts(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: AbstractSet[str],
    timed: Timed,
) -> EventCounts:
    """Units of ``relation`` by cell, time and kind of end; those without either are left out."""
    time, end = (f"CAST({identifier(name)} AS DOUBLE)" for name in timed)
    keys = ", ".join(KEYS)
    rows = (
        f"SELECT {keys}, t, e, count(*) AS n "
        f"FROM (SELECT {selected(columns)}, {time} AS t, {end} AS e FROM {relation}) "
        "WHERE NOT isnan(t) AND NOT isnan(e) GROUP BY ALL"
    )
    found = connection.execute(
        f"SELECT dense_rank() OVER (ORDER BY {keys}) - 1 AS code, * FROM ({rows})"
    ).to_arrow_table()
    code, t, e, n = (found.column(name).to_numpy() for name in ("code", "t", "e", "n"))
    refuse_times(timed, t, e)
    _, first = np.unique(code, return_index=True)
    listed = found.select(list(KEYS)).take(first).to_pylist()
    cells = [Cell(*row.values()) for row in listed]
    return counted(timed, cells, code.astype(np.intp), t, e.astype(np.int64), n.astype(np.int64))
