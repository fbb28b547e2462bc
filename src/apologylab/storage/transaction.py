"""One transaction on a SQL ledger, written against SQLAlchemy Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from apologylab.errors import LedgerError
from apologylab.record.columns import kind_of
from apologylab.record.facts import Delivery, Fact, Remedy
from apologylab.service.ports import Appended
from apologylab.storage import money, queue, statements
from apologylab.storage.expressions import among
from apologylab.storage.rows import Row, append_groups, decode, encode_values, micros
from apologylab.storage.statements import equal_to
from apologylab.storage.tables import COMMIT_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from apologylab.service.ports import Charge, Claimed, DeadLetter, Postponed, Standing

F = TypeVar("F", bound=Fact)
_COMMIT = COMMIT_TIME.insert()


class SqlTransaction:
    """Reads and writes between BEGIN IMMEDIATE and COMMIT."""

    def __init__(self, connection: sa.Connection, recorded_at: int) -> None:
        self._connection = connection
        self._recorded_at = recorded_at
        self._first = self._seq = last_seq(connection)
        self._texts: dict[str, str] = {}

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        return append_groups(facts, self.append_encoded)

    def append_encoded(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        """Append rows that are encoded already."""
        keys = [row[0] for row in rows]
        stands = self._standing(kind, keys)
        plain = not stands and len(set(keys)) == len(keys)
        new, same, contradicting = (rows, 0, ()) if plain else _sorted_out(rows, stands)
        if new:
            self._insert(kind, new)
        return Appended(new=len(new), same=same, contradicting=contradicting)

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find`."""
        asked = equal_to(kind, equal)
        query = statements.find(kind_of(kind), tuple(asked))
        return decode(kind, self._connection.execute(query, asked).all())

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        wanted = encode_values(kind, column, values)
        if not wanted:
            return []
        query = statements.find_among(kind_of(kind), column)
        return decode(kind, self._connection.execute(query, among(wanted)).all())

    def lock(self, names: Sequence[str], *, shared: bool = False) -> None:
        """See :meth:`apologylab.service.ports.Transaction.lock`: the whole file is locked."""

    def claim(
        self,
        experiment: str,
        *,
        holder: str,
        now: datetime,
        until: datetime,
        limit: int,
        due_by: datetime | None = None,
    ) -> list[Claimed]:
        """See :meth:`apologylab.service.ports.Transaction.claim`."""
        asked = {
            "experiment": experiment,
            "now": micros(now),
            "due_by": micros(due_by or now),
            "limit": limit,
        }
        return queue.claim(self._connection, asked, holder=holder, until=micros(until))

    def hand_over(self, keys: Sequence[str], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.hand_over`."""
        return queue.hand_over(self._connection, keys, holder=holder)

    def postpone(self, waits: Sequence[Postponed], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.postpone`."""
        return queue.postpone(self._connection, waits, holder=holder)

    def let_go(self, keys: Sequence[str], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.let_go`."""
        queue.let_go(self._connection, keys, holder=holder)

    def dead_letters(self, experiment: str) -> list[DeadLetter]:
        """See :meth:`apologylab.service.ports.Transaction.dead_letters`."""
        return queue.dead_letters(self._connection, experiment)

    def revive(self, keys: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.revive`."""
        return queue.revive(self._connection, keys)

    def undelivered(self, experiment: str) -> int:
        """See :meth:`apologylab.service.ports.Transaction.undelivered`."""
        return queue.undelivered(self._connection, experiment)

    def put_text(self, text_id: str, body: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_text`."""
        if self._texts.setdefault(text_id, body) != body:
            raise _text_taken(text_id)

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        found = self._connection.execute(statements.texts(), among(text_ids)).all()
        return {row.id: row.body for row in found}

    def forget_texts(self, text_ids: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.forget_texts`."""
        return self._connection.execute(statements.forget(), among(text_ids)).rowcount

    def standing(self, budgets: Sequence[str], *, locked: bool = False) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Transaction.standing`."""
        return money.standing(self._connection, budgets, locked=locked)

    def charge(self, charges: Sequence[Charge]) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.charge`."""
        return money.charge(self._connection, charges)

    def release(self, budget: str, amount: int, uses: int = 0) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        money.release(self._connection, budget, amount, uses)

    def seal(self, budget: str, label: str | None) -> None:
        """See :meth:`apologylab.service.ports.Transaction.seal`."""
        money.seal(self._connection, budget, label)

    def counters(self, names: Sequence[str]) -> Mapping[str, int]:
        """See :meth:`apologylab.service.ports.Transaction.counters`."""
        return money.counters(self._connection, names)

    def advance(self, steps: Mapping[str, int]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.advance`."""
        money.advance(self._connection, steps)

    def finish(self) -> None:
        """Write the texts, and the time of this commit if it brought facts."""
        if self._texts:
            self._write_texts()
        if self._seq > self._first:
            times = {"seq": self._seq, "recorded_at": self._recorded_at}
            self._connection.execute(_COMMIT, times)

    def _standing(self, kind: type[Fact], keys: Sequence[str]) -> dict[str, Row]:
        """The stored rows under ``keys``."""
        wanted = among(keys)
        taken = self._connection.execute(statements.standing(kind_of(kind)), wanted).first()
        if taken is None:
            return {}
        rows = self._connection.execute(statements.find_among(kind_of(kind), "key"), wanted)
        return {row[0]: tuple(row) for row in rows}

    def _insert(self, kind: type[Fact], rows: Sequence[Row]) -> None:
        """Give each row its ``seq`` and store it; ``rows`` have new keys."""
        first, at = self._seq + 1, self._recorded_at
        full = [(seq, *row, at) for seq, row in enumerate(rows, first)]
        facts_sql, keys_sql = statements.insertions(kind_of(kind))
        self._connection.exec_driver_sql(facts_sql, full)
        self._connection.exec_driver_sql(keys_sql, (kind_of(kind), first))
        if kind is Remedy:
            self._connection.execute(statements.await_delivery(), {"first": first})
        if kind in (Remedy, Delivery):
            self._connection.execute(statements.settle(), among([row[0] for row in rows]))
        self._seq += len(rows)

    def _write_texts(self) -> None:
        """Store the texts; one that stands already must have the same body."""
        for text_id, body in self.texts(list(self._texts)).items():
            if self._texts.pop(text_id) != body:
                raise _text_taken(text_id)
        if self._texts:
            self._connection.exec_driver_sql(statements.insert_text(), list(self._texts.items()))


def last_seq(connection: sa.Connection) -> int:
    """The last ``seq`` that was committed."""
    return int(connection.scalar(statements.last_seq()) or 0)


def reserved(connection: sa.Connection, budget: str) -> int:
    """Minor units that ``budget`` has reserved."""
    return int(connection.scalar(statements.reserved(), {"budget": budget}) or 0)


def _sorted_out(
    rows: Sequence[Row], stands: dict[str, Row]
) -> tuple[Sequence[Row], int, tuple[str, ...]]:
    """Rows that are new, how many stand already, and the keys of those that contradict."""
    new, same, contradicting = [], 0, []
    for row in rows:
        before = stands.setdefault(row[0], row)
        if before is row:
            new.append(row)
        elif before == row:
            same += 1
        else:
            contradicting.append(row[0])
    return new, same, tuple(contradicting)


def _text_taken(text_id: str) -> LedgerError:
    return LedgerError(f"text {text_id!r} is stored with another body", do="draw a new random id")
