"""The ledger in one SQLite file: one writer at a time, durable at every commit.

WAL with ``synchronous=FULL``; a transaction begins with BEGIN IMMEDIATE, so it holds the write lock
before it reads. SQLite before 3.51.3 can lose a commit when a checkpoint meets a write at the
moment the log is restarted (https://sqlite.org/wal.html#walresetbug), so automatic checkpoints are
off, and ours run on a second connection while a transaction holds the write lock.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from apologylab.errors import LedgerError, NotFoundError, StateError
from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Fact
from apologylab.service.ports import Appended, LedgerIdentity
from apologylab.storage.migrate import pending, refuse_other_revision, upgrade
from apologylab.storage.money import beginning
from apologylab.storage.rows import decode, encode, line, micros
from apologylab.storage.statements import equal_to, find, matching, until
from apologylab.storage.tables import COMMIT_MARK, COMMIT_TIME, FACTS, IDENTITY, TEXT
from apologylab.storage.transaction import SqlTransaction, last_seq, reserved
from apologylab.wire.schema import table

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from apologylab.service.ports import Standing

F = TypeVar("F", bound=Fact)
_BUSY_MS = 30_000
_WAL_BYTES = 32 * 2**20
_READ_ROWS = 5_000
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


def create(path: Path, identity: LedgerIdentity) -> SqliteLedger:
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
        connection.execute(
            IDENTITY.insert().values(
                id=identity.id,
                environment=identity.environment,
                simulated=int(identity.simulated),
                secret=identity.secret,
            )
        )
    return SqliteLedger(path, engine)


def open_(path: Path) -> SqliteLedger:
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
    return SqliteLedger(path, engine)


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


class SqliteLedger:
    """Facts in one file; each thread works on its own connection."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        self.path = path
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)
        with self._reading() as connection:
            rows = connection.execute(sa.select(IDENTITY)).all()
        if len(rows) != 1:
            raise LedgerError(
                f"the ledger {path} holds {len(rows)} identities, not one", do="restore a backup"
            )
        row = rows[0]
        self._identity = LedgerIdentity(
            id=row.id,
            environment=row.environment,
            simulated=bool(row.simulated),
            secret=row.secret or "",
        )

    @property
    def identity(self) -> LedgerIdentity:
        """See :attr:`apologylab.service.ports.Ledger.identity`."""
        return self._identity

    @contextmanager
    def transaction(self, *, recorded_at: datetime) -> Iterator[SqlTransaction]:
        """See :meth:`apologylab.service.ports.Ledger.transaction`."""
        at = micros(recorded_at)
        with self._writing() as connection:
            work = SqlTransaction(connection, at)
            yield work
            work.finish()

    def append_rows(
        self, kind: type[Fact], rows: Sequence[tuple[object, ...]], *, recorded_at: datetime
    ) -> Appended:
        """See :meth:`apologylab.service.ports.Ledger.append_rows`."""
        encoded = encode(kind, rows)
        with self.transaction(recorded_at=recorded_at) as work:
            return work.append_encoded(kind, encoded)

    def mark(self, as_of: datetime) -> int:
        """See :meth:`apologylab.service.ports.Ledger.mark`."""
        at = micros(as_of)
        stored = sa.select(COMMIT_MARK.c.seq).where(COMMIT_MARK.c.as_of == at)
        with self._reading() as connection:
            found = connection.scalar(stored)
        if found is not None:
            return int(found)
        with self._writing() as connection:
            found = connection.scalar(stored)
            return int(found) if found is not None else _resolve(connection, at)

    def read(self, kind: type[F], *, mark: int | None = None, **equal: object) -> Iterator[F]:
        """See :meth:`apologylab.service.ports.Ledger.read`."""
        asked = equal_to(kind, equal)
        query = until(kind, find(kind_of(kind), tuple(asked)), mark)
        with self._reading() as connection:
            for rows in connection.execute(query, asked).partitions(_READ_ROWS):
                yield from decode(kind, rows)

    def count(self, kind: type[Fact], *, mark: int | None = None, **equal: object) -> int:
        """See :meth:`apologylab.service.ports.Ledger.count`."""
        asked = equal_to(kind, equal)
        rows = until(kind, matching(kind_of(kind), tuple(asked)), mark).subquery()
        counted = sa.select(sa.func.count()).select_from(rows)
        with self._reading() as connection:
            return int(connection.scalar(counted, asked) or 0)

    def text(self, text_id: str) -> str | None:
        """See :meth:`apologylab.service.ports.Ledger.text`."""
        with self._reading() as connection:
            found = connection.scalar(sa.select(TEXT.c.body).where(TEXT.c.id == text_id))
        return None if found is None else str(found)

    def reserved(self, budget: str) -> int:
        """See :meth:`apologylab.service.ports.Ledger.reserved`."""
        with self._reading() as connection:
            return reserved(connection, budget)

    def budgets(self, prefix: str) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Ledger.budgets`."""
        with self._reading() as connection:
            return beginning(connection, prefix)

    def content_hash(self) -> str:
        """See :meth:`apologylab.service.ports.Ledger.content_hash`."""
        digest = hashlib.sha256()
        with self._reading() as connection:
            for name in sorted(KINDS):
                digest.update(line([name]))
                found = FACTS[KINDS[name]]
                columns = [found.c[column.name] for column in table(KINDS[name]).fields]
                query = sa.select(*columns).order_by(found.c.key)
                for row in connection.execute(query).yield_per(_READ_ROWS):
                    digest.update(line(tuple(row)))
        return digest.hexdigest()

    def close(self) -> None:
        """See :meth:`apologylab.service.ports.Ledger.close`."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """One snapshot."""
        with explained(self.path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """The write lock, until the commit or the rollback."""
        with explained(self.path):
            self._checkpoint()
            with self._engine.begin() as connection:
                yield connection

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


def _resolve(connection: sa.Connection, at: int) -> int:
    """Settle which facts were there at ``at``, between the marks settled before."""
    commits, marks = COMMIT_TIME.c, COMMIT_MARK.c
    latest = sa.select(commits.seq).where(commits.recorded_at <= at)
    seq = connection.scalar(latest.order_by(commits.seq.desc()).limit(1)) or 0
    floor = connection.scalar(sa.select(sa.func.max(marks.seq)).where(marks.as_of < at)) or 0
    above = connection.scalar(sa.select(sa.func.min(marks.seq)).where(marks.as_of > at))
    ceiling = last_seq(connection) if above is None else above
    mark = min(max(seq, floor), ceiling)
    connection.execute(COMMIT_MARK.insert().values(as_of=at, seq=mark))
    return int(mark)


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
