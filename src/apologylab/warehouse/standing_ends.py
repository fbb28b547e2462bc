"""Event counts of a panel that changes a little every day: what changed is taken off and added.

Counts are whole numbers, so they are exactly those of a full count. A change costs its own rows and
the distinct times, which whole days keep few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.survival.counts import Timed, counted, refuse_times
from apologylab.warehouse.keys import KEYS
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from apologylab.inference.survival.counts import EventCounts

_KEYS = ", ".join(KEYS)


def make_ends(connection: duckdb.DuckDBPyConnection, timed: Sequence[Timed]) -> None:
    """The tables, of no unit yet."""
    connection.execute("CREATE TABLE ends_of (place INTEGER, t VARCHAR, e VARCHAR)")
    for place, each in enumerate(timed):
        connection.execute("INSERT INTO ends_of VALUES (?, ?, ?)", [place, *each])
    connection.execute(
        "CREATE TABLE ends (place INTEGER, version BIGINT, phase BIGINT, arm VARCHAR, "
        "stratum VARCHAR, t DOUBLE, e DOUBLE, n BIGINT)"
    )


def kept_ends(connection: duckdb.DuckDBPyConnection) -> list[Timed]:
    """The times that the file counts."""
    found = connection.execute("SELECT t, e FROM ends_of ORDER BY place").fetchall()
    return [Timed(*row) for row in found]


def change_ends(connection: duckdb.DuckDBPyConnection, timed: Sequence[Timed]) -> None:
    """Take ``old_rows`` off the counts and add ``new_rows``.

    Raises:
        InputError: a time is negative or infinite, or an end is no kind.
    """
    parts = ["SELECT * FROM ends"]
    for place, each in enumerate(timed):
        t, e = map(identifier, each)
        known = f"{t} IS NOT NULL AND {e} IS NOT NULL AND NOT isnan({t}) AND NOT isnan({e})"
        asked = f"SELECT DISTINCT {t} AS t, {e} AS e FROM new_rows WHERE {known}"
        found = connection.execute(asked).fetchnumpy()
        refuse_times(each, np.asarray(found["t"]), np.asarray(found["e"]))
        parts += [
            f"SELECT {place}, {_KEYS}, {t}, {e}, {sign} FROM {which}_rows WHERE {known}"
            for which, sign in (("new", 1), ("old", -1))
        ]
    connection.execute(
        f"CREATE OR REPLACE TABLE ends AS SELECT place, {_KEYS}, t, e, "
        f"CAST(sum(n) AS BIGINT) AS n FROM ({' UNION ALL '.join(parts)}) "
        "GROUP BY ALL HAVING sum(n) <> 0"
    )


def standing_ends(
    connection: duckdb.DuckDBPyConnection, timed: Sequence[Timed]
) -> list[EventCounts]:
    """The event counts of all units as they are now."""
    return [_counts(connection, place, each) for place, each in enumerate(timed)]


def _counts(connection: duckdb.DuckDBPyConnection, place: int, timed: Timed) -> EventCounts:
    mine = f"FROM ends WHERE place = {place}"
    listed = connection.execute(f"SELECT DISTINCT {_KEYS} {mine} ORDER BY ALL").fetchall()
    found = connection.execute(
        f"SELECT dense_rank() OVER (ORDER BY {_KEYS}) - 1 AS code, t, e, n {mine}"
    ).fetchnumpy()
    code, t, e, n = (np.asarray(found[name]) for name in ("code", "t", "e", "n"))
    cells = [Cell(*key) for key in listed]
    return counted(timed, cells, code.astype(np.intp), t, e.astype(np.int64), n.astype(np.int64))
