"""The analysis engine: DuckDB in this process, which never reaches for the network.

DuckDB would download an extension that it misses. The only one that is needed, the reader of
SQLite files, comes as a wheel of the same version and is loaded from there.
"""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb

from apologylab.errors import MissingPartError

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


def connect_quickly() -> duckdb.DuckDBPyConnection:
    """A connection to one engine that the process shares; create only TEMP tables and views on it.

    Making an engine takes as long as a scan of a million rows.
    """
    return _shared().cursor()


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return connect()


def attach_sqlite(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach the SQLite file ``path`` as schema ``name``, for reading only."""
    connection.load_extension(str(_sqlite_scanner()))
    target = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{target}' AS {name} (TYPE sqlite, READ_ONLY)")


def _sqlite_scanner() -> Path:
    """Where the wheel of this DuckDB's version keeps the extension.

    Raises:
        MissingPartError: the wheel is of another version.
    """
    home = files("duckdb_extension_sqlite_scanner") / "extensions"
    found = Path(str(home)) / f"v{duckdb.__version__}" / "sqlite_scanner.duckdb_extension"
    if not found.exists():
        raise MissingPartError(
            f"DuckDB {duckdb.__version__} has no SQLite reader at {found}",
            do=f"pip install duckdb-extension-sqlite-scanner=={duckdb.__version__}",
        )
    return found
