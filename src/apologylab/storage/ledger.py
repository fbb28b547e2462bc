"""A ledger in a SQL database: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import sqlalchemy as sa

from apologylab.errors import LedgerError
from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Fact
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import money
from apologylab.storage.expressions import by_bytes
from apologylab.storage.rows import Row, decode, line, micros
from apologylab.storage.statements import (
    conditions,
    equal_to,
    find,
    last_seq,
    matching,
    reserved,
    until,
)
from apologylab.storage.tables import COMMIT_MARK, COMMIT_TIME, FACTS, IDENTITY, TEXT
from apologylab.storage.transaction import SqlTransaction, Writing
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from apologylab.service.ports import Appended, Standing

F = TypeVar("F", bound=Fact)
_READ_ROWS = 5_000


class Database(Protocol):
    """What each database does its own way."""

    @property
    def place(self) -> str:
        """Which it is, for people; without a password."""
        ...

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """One snapshot."""
        ...

    def writing(self, at: int) -> AbstractContextManager[Writing]:
        """A transaction recorded ``at``; all is durable on leaving, or nothing happened."""
        ...

    def settling(self) -> AbstractContextManager[sa.Connection]:
        """A transaction while no other writes."""
        ...

    def append_rows(self, kind: type[Fact], rows: Sequence[Row], at: int) -> Appended:
        """Append rows, not encoded yet, in a transaction of their own."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...


class SqlLedger:
    """Facts in tables; each thread works on its own connection."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.reading() as connection:
            rows = connection.execute(sa.select(IDENTITY)).all()
        if len(rows) != 1:
            raise LedgerError(
                f"the ledger {database.place} holds {len(rows)} identities, not one",
                do="restore a backup",
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
        with self.database.writing(micros(recorded_at)) as writing:
            work = SqlTransaction(writing)
            yield work
            work.finish()

    def append_rows(
        self, kind: type[Fact], rows: Sequence[tuple[object, ...]], *, recorded_at: datetime
    ) -> Appended:
        """See :meth:`apologylab.service.ports.Ledger.append_rows`."""
        return self.database.append_rows(kind, rows, micros(recorded_at))

    def mark(self, as_of: datetime) -> int:
        """See :meth:`apologylab.service.ports.Ledger.mark`."""
        at = micros(as_of)
        stored = sa.select(COMMIT_MARK.c.seq).where(COMMIT_MARK.c.as_of == at)
        with self.database.reading() as connection:
            found = connection.scalar(stored)
        if found is not None:
            return int(found)
        with self.database.settling() as connection:
            found = connection.scalar(stored)
            return int(found) if found is not None else _resolve(connection, at)

    def read(self, kind: type[F], *, mark: int | None = None, **equal: object) -> Iterator[F]:
        """See :meth:`apologylab.service.ports.Ledger.read`."""
        asked = equal_to(kind, equal)
        query = until(kind, find(kind_of(kind), conditions(asked)), mark)
        with self.database.reading() as connection:
            found = connection.execution_options(stream_results=True).execute(query, asked)
            for rows in found.partitions(_READ_ROWS):
                yield from decode(kind, rows)

    def count(self, kind: type[Fact], *, mark: int | None = None, **equal: object) -> int:
        """See :meth:`apologylab.service.ports.Ledger.count`."""
        asked = equal_to(kind, equal)
        rows = until(kind, matching(kind_of(kind), conditions(asked)), mark).subquery()
        counted = sa.select(sa.func.count()).select_from(rows)
        with self.database.reading() as connection:
            return int(connection.scalar(counted, asked) or 0)

    def text(self, text_id: str) -> str | None:
        """See :meth:`apologylab.service.ports.Ledger.text`."""
        with self.database.reading() as connection:
            found = connection.scalar(sa.select(TEXT.c.body).where(TEXT.c.id == text_id))
        return None if found is None else str(found)

    def reserved(self, budget: str) -> int:
        """See :meth:`apologylab.service.ports.Ledger.reserved`."""
        with self.database.reading() as connection:
            return int(connection.scalar(reserved(), {"budget": budget}) or 0)

    def budgets(self, prefix: str) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Ledger.budgets`."""
        with self.database.reading() as connection:
            return money.beginning(connection, prefix)

    def content_hash(self) -> str:
        """See :meth:`apologylab.service.ports.Ledger.content_hash`."""
        digest = hashlib.sha256()
        with self.database.reading() as connection:
            for name in sorted(KINDS):
                digest.update(line([name]))
                found = FACTS[KINDS[name]]
                columns = [found.c[column.name] for column in table(KINDS[name]).fields]
                query = sa.select(*columns).order_by(by_bytes(found.c.key))
                streamed = connection.execution_options(stream_results=True).execute(query)
                for row in streamed.yield_per(_READ_ROWS):
                    digest.update(line(tuple(row)))
        return digest.hexdigest()

    def close(self) -> None:
        """See :meth:`apologylab.service.ports.Ledger.close`."""
        self.database.close()


def stored(identity: LedgerIdentity) -> sa.Insert:
    """What stores the identity of a new ledger."""
    return IDENTITY.insert().values(
        id=identity.id,
        environment=identity.environment,
        simulated=int(identity.simulated),
        secret=identity.secret,
    )


def _resolve(connection: sa.Connection, at: int) -> int:
    """Settle which facts were there at ``at``, between the marks settled before."""
    commits, marks = COMMIT_TIME.c, COMMIT_MARK.c
    latest = sa.select(commits.seq).where(commits.recorded_at <= at)
    seq = connection.scalar(latest.order_by(commits.seq.desc()).limit(1)) or 0
    floor = connection.scalar(sa.select(sa.func.max(marks.seq)).where(marks.as_of < at)) or 0
    above = connection.scalar(sa.select(sa.func.min(marks.seq)).where(marks.as_of > at))
    ceiling = (connection.scalar(last_seq()) or 0) if above is None else above
    mark: int = min(max(seq, floor), ceiling)
    connection.execute(COMMIT_MARK.insert().values(as_of=at, seq=mark))
    return mark
