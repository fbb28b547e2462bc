"""The ledger's schema: what the migrations build, and which ledgers are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from apologylab.errors import LedgerError, LedgerOldError, NotFoundError, StateError
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import migrate, sqlite
from apologylab.storage.tables import METADATA

IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=False)


def schema(engine):
    """Every object of a database by name, with the parts of its definition in any order.

    A column that was added later stands last in its table.
    """
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        )
        return {
            name: sorted(" ".join(sql.split()).replace(" )", ")").replace("( ", "(").split(", "))
            for name, sql in rows
            if name != "alembic_version"
        }


def set_revision(path, revision):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_migrating_from_nothing_gives_the_tables_of_the_code(tmp_path):
    migrated = sqlite.connect(tmp_path / "migrated.sqlite")
    with migrated.begin() as connection:
        migrate.upgrade(connection)
    declared = sqlite.connect(tmp_path / "declared.sqlite")
    with declared.begin() as connection:
        METADATA.create_all(connection)
    assert schema(migrated) == schema(declared)
    assert len(schema(migrated)) > 30


def test_head_is_the_newest_script(tmp_path):
    engine = sqlite.connect(tmp_path / "x.sqlite")
    with engine.begin() as connection:
        scripts = ScriptDirectory.from_config(migrate._config(connection))
    assert scripts.get_current_head() == migrate.HEAD


def test_a_new_ledger_has_nothing_to_migrate(tmp_path):
    sqlite.create(tmp_path / "l.sqlite", IDENTITY).close()
    assert sqlite.migrate(tmp_path / "l.sqlite", dry_run=False) == []
    assert sqlite.open_(tmp_path / "l.sqlite").identity == IDENTITY


@pytest.mark.parametrize(
    ("revision", "do"), [("0000", "run `apologylab migrate`"), ("9999", "newer")]
)
def test_another_schema_is_refused_with_the_command(tmp_path, revision, do):
    path = tmp_path / "l.sqlite"
    sqlite.create(path, IDENTITY).close()
    set_revision(path, revision)
    with pytest.raises(LedgerOldError, match=do) as refused:
        sqlite.open_(path)
    assert revision in str(refused.value)
    assert "apologylab migrate" in str(refused.value)


def test_migrate_never_goes_back(tmp_path):
    path = tmp_path / "l.sqlite"
    sqlite.create(path, IDENTITY).close()
    set_revision(path, "9999")
    with pytest.raises(LedgerOldError, match="newer"):
        sqlite.migrate(path, dry_run=True)


def test_a_missing_ledger_is_named(tmp_path):
    for call in (sqlite.open_, lambda path: sqlite.migrate(path, dry_run=True)):
        with pytest.raises(NotFoundError, match="apologylab init"):
            call(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_another_file_is_not_a_ledger(tmp_path):
    text = tmp_path / "text.sqlite"
    text.write_text("this is no database, whatever its name says " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        sqlite.open_(text)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(LedgerError, match="is not a ledger"):
        sqlite.open_(other)
    with pytest.raises(StateError, match="exists already"):
        sqlite.create(other, IDENTITY)


def test_a_ledger_is_not_created_twice(tmp_path):
    sqlite.create(tmp_path / "l.sqlite", IDENTITY).close()
    with pytest.raises(StateError, match="exists already"):
        sqlite.create(tmp_path / "l.sqlite", IDENTITY)


def test_a_failed_creation_leaves_no_half_ledger(tmp_path, monkeypatch):
    path = tmp_path / "l.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "upgrade", _half)
        with pytest.raises(ZeroDivisionError):
            sqlite.create(path, IDENTITY)
    sqlite.create(path, IDENTITY).close()


def _half(connection):
    connection.execute(sa.text("CREATE TABLE ledger (id TEXT)"))
    raise ZeroDivisionError
