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

    from apologylab.inference.moments import Floats

_COUNTED = "counted_events"
FEW = 10_000
"""Rows that are fetched one by one sooner than DuckDB imports ``numpy.ma``, which it fills."""


def event_counts(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: AbstractSet[str],
    timed: Timed,
) -> EventCounts:
    """Units of ``relation`` by cell, time and kind of end; those without either are left out."""
    time, end = (f"CAST({identifier(name)} AS DOUBLE)" for name in timed)
    keys = ", ".join(KEYS)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_COUNTED} AS SELECT {keys}, t, e, count(*) AS n "
        f"FROM (SELECT {selected(columns)}, {time} AS t, {end} AS e FROM {relation}) "
        "WHERE NOT isnan(t) AND NOT isnan(e) GROUP BY ALL"
    )
    listed = connection.execute(f"SELECT DISTINCT {keys} FROM {_COUNTED} ORDER BY ALL").fetchall()
    numbers = f"SELECT dense_rank() OVER (ORDER BY {keys}) - 1 AS code, t, e, n FROM {_COUNTED}"
    code, t, e, n = _columns(connection, numbers)
    connection.execute(f"DROP TABLE {_COUNTED}")
    refuse_times(timed, t, e)
    cells = [Cell(*key) for key in listed]
    return counted(timed, cells, code.astype(np.intp), t, e.astype(np.int64), n.astype(np.int64))


def _columns(connection: duckdb.DuckDBPyConnection, numbers: str) -> list[Floats]:
    """Code, time, end and units, (r,) each."""
    held = connection.execute(f"SELECT count(*) FROM {_COUNTED}").fetchall()
    answer = connection.execute(numbers)
    if held[0][0] <= FEW:
        return list(np.array(answer.fetchall(), dtype=np.float64).reshape(-1, 4).T)
    found = answer.fetchnumpy()
    return [np.asarray(found[name], dtype=np.float64) for name in ("code", "t", "e", "n")]
