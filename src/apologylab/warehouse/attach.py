"""A ledger's database attached to the engine, for reading only: a SQLite file, or PostgreSQL.

DuckDB's readers of both come as wheels of its own version and are loaded from there: nothing is
fetched. A password goes to the engine as a secret, so that no error text can repeat it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from apologylab.errors import MissingPartError
from apologylab.warehouse.sql import text_literal

if TYPE_CHECKING:
    import sqlalchemy as sa

SQLITE: Final = "sqlite:///"
_KEPT_AS: Final = "of_the_ledger"


def attach(connection: duckdb.DuckDBPyConnection, url: str, name: str) -> None:
    """Attach the database at ``url``, written as in ``apologylab.toml``, as schema ``name``.

    Raises:
        MissingPartError: the wheel with DuckDB's reader is not installed, or of another version.
    """
    if url.startswith(SQLITE):
        attach_sqlite(connection, Path(url.removeprefix(SQLITE)), name)
    else:
        _attach_postgres(connection, url, name)


def attach_sqlite(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach the SQLite file ``path`` as schema ``name``."""
    connection.load_extension(str(_extension("sqlite_scanner")))
    connection.execute(f"ATTACH {text_literal(str(path))} AS {name} (TYPE sqlite, READ_ONLY)")


def shown(url: str) -> str:
    """Which ledger it is, for a person: the file, or the URL without its password.

    >>> shown("sqlite:///shop.sqlite"), shown("postgresql://lab:hunter2@db/shop")
    ('shop.sqlite', 'postgresql://lab:***@db/shop')
    """
    if url.startswith(SQLITE):
        return url.removeprefix(SQLITE)
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True)


def _attach_postgres(connection: duckdb.DuckDBPyConnection, url: str, name: str) -> None:
    from sqlalchemy import make_url

    at = make_url(url)
    connection.load_extension(str(_extension("postgres_scanner")))
    secret = ""
    if at.password is not None:
        connection.execute(
            f"CREATE OR REPLACE TEMPORARY SECRET {_KEPT_AS} "
            f"(TYPE postgres, PASSWORD {text_literal(at.password)})"
        )
        secret = f", SECRET {_KEPT_AS}"
    connection.execute(
        f"ATTACH {text_literal(_settings(at))} AS {name} (TYPE postgres, READ_ONLY{secret})"
    )


def _settings(at: sa.URL) -> str:
    """Where the server is, as libpq's ``name='value'`` pairs, without the password."""
    told = {"host": at.host, "port": at.port, "dbname": at.database, "user": at.username}
    found = {name: str(value) for name, value in told.items() if value is not None}
    for name, value in at.query.items():  # several hosts come as a tuple
        found[name] = value if isinstance(value, str) else ",".join(value)
    return " ".join(f"{name}={_quoted(value)}" for name, value in found.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _extension(name: str) -> Path:
    """Where the wheel of this DuckDB's version keeps a reader.

    Raises:
        MissingPartError: it is not there, or of another version.
    """
    wheel = f"duckdb-extension-{name.replace('_', '-')}"
    try:
        home = files(import_module(wheel.replace("-", "_"))) / "extensions"
    except ModuleNotFoundError:
        home = files("duckdb") / "no extensions"
    found = Path(str(home)) / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not found.exists():
        raise MissingPartError(
            f"DuckDB {duckdb.__version__} has no {name} at {found}",
            do=f"pip install {wheel}=={duckdb.__version__}",
        )
    return found
