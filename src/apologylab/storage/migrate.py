"""Which schema a ledger has, and how to bring it to this version's (Alembic)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from apologylab.errors import LedgerError, LedgerOldError
from apologylab.wire.schema import LEDGER

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0004"
"""The revision that this version of the code reads and writes; a test holds it to the scripts."""
_FOLDER: Final = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection) -> None:
    """Run the missing migrations inside the caller's transaction."""
    from alembic import command

    command.upgrade(_config(connection), "head")


def pending(connection: sa.Connection, place: str) -> list[str]:
    """The migrations that are missing, oldest first, each as ``"0002 what it does"``.

    Raises:
        LedgerOldError: a newer version of apologylab wrote the ledger.
        LedgerError: it is no ledger.
    """
    from alembic.script import ScriptDirectory

    stands = _stands(connection, place)
    if stands is not None and stands > HEAD:
        raise _newer(f"the ledger {place}", stands)
    scripts = ScriptDirectory.from_config(_config(connection))
    missing = reversed(list(scripts.iterate_revisions("head", stands or "base")))
    return [f"{script.revision} {script.doc}" for script in missing]


def revision(connection: sa.Connection) -> str | None:
    """The revision that the ledger stands at, None before the first."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def refuse_other_revision(connection: sa.Connection, place: str) -> None:
    """Check that the ledger at ``place`` has this version's schema.

    Raises:
        LedgerOldError: it is older or newer.
        LedgerError: it is no ledger.
    """
    stands = _stands(connection, place)
    if stands is None or stands < HEAD:
        raise LedgerOldError(
            f"the ledger {place} has schema {stands}, this version needs {HEAD}",
            do="run `apologylab migrate` (with --dry-run it only lists the steps)",
        )
    if stands > HEAD:
        raise _newer(f"the ledger {place}", stands)


def _stands(connection: sa.Connection, place: str) -> str | None:
    if not sa.inspect(connection).has_table(LEDGER):
        raise LedgerError(f"{place} is not a ledger", do="run `apologylab init` for a new one")
    return revision(connection)


def _newer(ledger: str, stands: str) -> LedgerOldError:
    return LedgerOldError(
        f"{ledger} has schema {stands}, newer than this version's {HEAD}",
        do="install the newer apologylab; `apologylab migrate` only goes forward",
    )


def _config(connection: sa.Connection) -> Config:
    """Alembic's settings without a file; the connection is handed to ``migrations/env.py``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
