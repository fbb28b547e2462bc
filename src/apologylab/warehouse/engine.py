"""The analysis engine: DuckDB in this process, which never reaches for the network.

DuckDB would download an extension that it misses. Those that are needed are loaded from wheels, see
:mod:`apologylab.warehouse.attach`.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def connect() -> duckdb.DuckDBPyConnection:
    """An engine of its own in memory, on all cores; it spills into the system's temporary folder.

    >>> connect().execute("SELECT 6 * 7").fetchone()
    (42,)
    """
    return duckdb.connect(config=CONFIG | {"temp_directory": tempfile.gettempdir()})


@contextmanager
def whole(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One transaction: all of it or nothing."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def connect_quickly() -> duckdb.DuckDBPyConnection:
    """A connection to one engine that the process shares; create only TEMP tables and views on it.

    Making an engine takes as long as a scan of a million rows.
    """
    return _shared().cursor()


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return connect()
