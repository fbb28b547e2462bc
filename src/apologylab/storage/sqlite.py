"""The ledger in one SQLite file: one writer at a time, durable at every commit.

WAL with ``synchronous=FULL``; a transaction begins with BEGIN IMMEDIATE, so it holds the write lock
before it reads. SQLite before 3.51.3 can lose a commit when a checkpoint meets a write at the
moment the log is restarted (https://sqlite.org/wal.html#walresetbug), so automatic checkpoints are
off, and ours run on a second connection while a transaction holds the write lock.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from apologylab.errors import LedgerError, NotFoundError, StateError
from apologylab.storage.ledger import SqlLedger, stored
from apologylab.storage.migrate import pending, refuse_other_revision, upgrade
from apologylab.storage.one_writer import OneWriter
from apologylab.storage.quick import Quick
from apologylab.storage.rows import encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Appended, LedgerIdentity
    from apologylab.storage.rows import Row

_BUSY_MS = 30_000
_WAL_BYTES = 32 * 2**20
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA wal_autocheckpoint=0",
    f"PRAGMA journal_size_limit={_WAL_BYTES}",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",
)


def create(path: Path, identity: LedgerIdentity) -> SqlLedger:
    """Create the file with its tables and its identity, all or nothing.

    Raises:
        StateError: there is a database in that place already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(path)
    with explained(path), engine.begin() as connection:
        if sa.inspect(connection).get_table_names():
            raise StateError(f"{path} exists already", do="open it, or choose another file")
        upgrade(connection)
        connection.execute(stored(identity))
    return SqlLedger(SqliteDatabase(path, engine))


def open_(path: Path) -> SqlLedger:
    """Open a ledger that exists.

    Raises:
        NotFoundError: there is no such file.
        LedgerOldError: its schema is not this version's.
        LedgerError: the file is something else.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no ledger at {path}", do="run `apologylab init`")
    engine = connect(path)
    with explained(path), engine.execution_options(reads_only=True).begin() as connection:
        refuse_other_revision(connection, str(path))
    return SqlLedger(SqliteDatabase(path, engine))


def connect(path: Path) -> sa.Engine:
    """An engine whose every connection is set up as this module's docstring says."""
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def migrate(path: Path, *, dry_run: bool) -> list[str]:
    """Run the missing migrations in one transaction, or only list them; oldest first.

    Raises:
        NotFoundError: there is no such file.
        LedgerOldError: a newer version wrote it.
        LedgerError: the file is something else.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no ledger at {path}", do="run `apologylab init`")
    engine = connect(path)
    with explained(path), engine.begin() as connection:
        steps = pending(connection, str(path))
        if steps and not dry_run:
            upgrade(connection)
    engine.dispose()
    return steps


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise LedgerError(
            f"the ledger {path}: {error.orig}",
            do="see that one service writes to it, the disk has room and the file may be written",
        ) from error
    except sa.exc.DatabaseError as error:
        raise LedgerError(f"the ledger {path}: {error.orig}", do="restore a backup") from error


class SqliteDatabase:
    """See :class:`apologylab.storage.ledger.Database`."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        self.path = path
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One snapshot."""
        with explained(self.path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, at: int) -> Iterator[OneWriter]:
        """A transaction recorded ``at``, on the driver's own connection."""
        with explained(self.path):
            self._checkpoint()
            raw = self._engine.raw_connection()
            try:
                connection = Quick(raw, self._engine.dialect)
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                work = OneWriter(connection, at)
                yield work
                work.finish()
                connection.exec_driver_sql("COMMIT")
            finally:
                # What was not committed is rolled back on its way into the pool.
                raw.close()

    @contextmanager
    def settling(self) -> Iterator[sa.Connection]:
        """The write lock, until the commit or the rollback."""
        with explained(self.path):
            self._checkpoint()
            with self._engine.begin() as connection:
                yield connection

    def append_rows(self, kind: type[Fact], rows: Sequence[Row], at: int) -> Appended:
        """Append rows in a transaction of their own."""
        encoded = encode(kind, rows)
        with self.writing(at) as work:
            return work.append({kind: encoded})

    def close(self) -> None:
        """Close the connections of all threads."""
        self._engine.dispose()

    def _checkpoint(self) -> None:
        """Move the log into the file when it has grown, while nobody can write.

        The lock is given up without a write, so that the next transaction finds a log that is
        wholly in the file, and begins it anew.
        """
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or log.stat().st_size <= _WAL_BYTES:
            return
        with self._engine.begin(), self._engine.connect() as other:
            cursor = other.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            cursor.close()


def _set_up(connection: sqlite3.Connection, record: object) -> None:
    """Take transactions out of the driver's hands and set the file's behaviour."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
