"""One transaction on a SQL ledger, written against SQLAlchemy Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from apologylab.errors import LedgerError
from apologylab.record.columns import kind_of
from apologylab.record.facts import Fact
from apologylab.storage import money, queue, statements
from apologylab.storage.expressions import among
from apologylab.storage.rows import (
    Row,
    decode,
    encode_groups,
    encode_values,
    micros,
    refuse_bent_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from apologylab.service.ports import Appended, Charge, Claimed, DeadLetter, Postponed, Standing

F = TypeVar("F", bound=Fact)


class Writing(Protocol):
    """What each database does its own way within a transaction."""

    @property
    def connection(self) -> sa.Connection:
        """The transaction's connection, with all names locked that were asked for."""
        ...

    def lock(self, names: Sequence[str], *, shared: bool) -> None:
        """See :meth:`apologylab.service.ports.Transaction.lock`."""
        ...

    def append(self, groups: Mapping[type[Fact], Sequence[Row]]) -> Appended:
        """Append encoded rows of several kinds."""
        ...

    def put_texts(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Store texts; of those whose id is taken, what stands there."""
        ...

    def charge(self, charges: Sequence[Charge]) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.charge`."""
        ...


class SqlTransaction:
    """Reads and writes between BEGIN and COMMIT."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._texts: dict[str, str] = {}

    def lock(self, names: Sequence[str], *, shared: bool = False) -> None:
        """See :meth:`apologylab.service.ports.Transaction.lock`."""
        self._writing.lock(names, shared=shared)

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        return self._writing.append(encode_groups(facts))

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find`."""
        asked = statements.equal_to(kind, equal)
        query = statements.find(kind_of(kind), statements.conditions(asked))
        return decode(kind, self._connection.execute(query, asked).all())

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        wanted = encode_values(kind, column, values)
        if not wanted:
            return []
        query = statements.find_among(kind_of(kind), column)
        return decode(kind, self._connection.execute(query, among(wanted)).all())

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
        refuse_bent_text("a text", body)
        if self._texts.setdefault(text_id, body) != body:
            raise _text_taken(text_id)

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        return statements.bodies(self._connection, text_ids)

    def forget_texts(self, text_ids: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.forget_texts`."""
        return self._connection.execute(statements.forget(), among(text_ids)).rowcount

    def standing(self, budgets: Sequence[str], *, locked: bool = False) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Transaction.standing`."""
        return money.standing(self._connection, budgets, locked=locked)

    def charge(self, charges: Sequence[Charge]) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.charge`."""
        self.finish()
        return self._writing.charge(charges)

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
        """Write the texts; one that stands already must have the same body.

        It is done before budgets are locked, which should not be held any longer than must be.
        """
        texts, self._texts = self._texts, {}
        if texts:
            for text_id, body in self._writing.put_texts(texts).items():
                if texts[text_id] != body:
                    raise _text_taken(text_id)

    @property
    def _connection(self) -> sa.Connection:
        return self._writing.connection


def _text_taken(text_id: str) -> LedgerError:
    return LedgerError(f"text {text_id!r} is stored with another body", do="draw a new random id")
