"""One transaction on a SQL ledger, written against SQLAlchemy Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from apologylab.record.columns import kind_of
from apologylab.record.facts import Fact
from apologylab.service.asked import Asked
from apologylab.storage import awaiting, money, queue, statements
from apologylab.storage.expressions import among
from apologylab.storage.rows import (
    Row,
    decode,
    encode_groups,
    encode_values,
    micros,
    refuse_bent_text,
    text_taken,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from apologylab.service.ports import (
        Appended,
        Arrived,
        Charge,
        Claimed,
        DeadLetter,
        Postponed,
        Standing,
    )

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

    def charge(
        self, charges: Sequence[Charge], texts: Mapping[str, str]
    ) -> tuple[bool, Mapping[str, str]]:
        """Store texts as :meth:`put_texts` does, then charge as the port says."""
        ...

    def ask(self, queries: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[list[Row]]:
        """The rows of each of ``queries``: statements with their parameters."""
        ...


class SqlTransaction:
    """Reads and writes between BEGIN and COMMIT."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._texts: dict[str, str] = {}
        self._ahead: dict[Asked, list[Row]] = {}
        self._stands: Mapping[str, Standing] = {}

    def lock(self, names: Sequence[str], *, shared: bool = False) -> None:
        """See :meth:`apologylab.service.ports.Transaction.lock`."""
        self._writing.lock(names, shared=shared)

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        self._forget_ahead()
        return self._writing.append(encode_groups(facts))

    def expect(self, asked: Sequence[Asked], budgets: Sequence[str] = ()) -> None:
        """See :meth:`apologylab.service.ports.Transaction.expect`."""
        told = list(dict.fromkeys(asked))
        queries: list[tuple[Any, Mapping[str, Any]]] = [
            (
                statements.find_among(kind_of(each.kind), each.column),
                among(encode_values(each.kind, each.column, each.values)),
            )
            for each in told
        ]
        found = self._writing.ask([*queries, money.looking(budgets)])
        self._ahead = dict(zip(told, found, strict=False))
        self._stands = money.looked(budgets, found[-1])

    def _forget_ahead(self) -> None:
        """What was read ahead may not stand any more."""
        self._ahead, self._stands = {}, {}

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find`."""
        asked = statements.equal_to(kind, equal)
        query = statements.find(kind_of(kind), statements.conditions(asked))
        return decode(kind, self._connection.execute(query, asked).all())

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        ahead = self._ahead.pop(Asked(kind, column, tuple(values)), None)
        if ahead is not None:
            return decode(kind, ahead)
        wanted = encode_values(kind, column, values)
        if not wanted:
            return []
        query = statements.find_among(kind_of(kind), column)
        return decode(kind, self._connection.execute(query, among(wanted)).all())

    def claim(  # noqa: PLR0913 - as the port
        self,
        experiment: str,
        *,
        holder: str,
        now: datetime,
        until: datetime,
        limit: int,
        due_by: datetime | None = None,
        channel: str | None = None,
        unnamed: str | None = None,
    ) -> list[Claimed]:
        """See :meth:`apologylab.service.ports.Transaction.claim`."""
        asked: dict[str, object] = {
            "experiment": experiment,
            "now": micros(now),
            "due_by": micros(due_by or now),
            "limit": limit,
        }
        if channel is not None:
            asked |= {"channel": channel, "unnamed": unnamed}
        return queue.claim(self._connection, asked, holder=holder, until=micros(until))

    def hand_over(self, keys: Sequence[str], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.hand_over`."""
        return queue.hand_over(self._connection, keys, holder=holder)

    def postpone(self, waits: Sequence[Postponed], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.postpone`."""
        return queue.postpone(self._connection, waits, holder=holder)

    def put_off(self, until: Mapping[str, datetime], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_off`."""
        queue.put_off(self._connection, until, holder=holder)

    def arrived(
        self, experiment: str, *, limit: int, among: Sequence[str] | None = None
    ) -> list[Arrived]:
        """See :meth:`apologylab.service.ports.Transaction.arrived`."""
        return awaiting.arrived(self._connection, experiment, limit=limit, only=among)

    def bring_forward(self, due: Mapping[str, datetime]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.bring_forward`."""
        awaiting.bring_forward(self._connection, due)

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
            raise text_taken(text_id)

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        return statements.bodies(self._connection, text_ids)

    def forget_texts(self, text_ids: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.forget_texts`."""
        return self._connection.execute(statements.forget(), among(text_ids)).rowcount

    def standing(self, budgets: Sequence[str], *, locked: bool = False) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Transaction.standing`."""
        ahead, self._stands = self._stands, {}
        if not locked and ahead.keys() >= set(budgets):
            return {name: ahead[name] for name in budgets}
        return money.standing(self._connection, budgets, locked=locked)

    def charge(self, charges: Sequence[Charge]) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.charge`."""
        self._forget_ahead()
        texts, self._texts = self._texts, {}
        charged, stands = self._writing.charge(charges, texts)
        _refuse_taken(texts, stands)
        return charged

    def release(self, budget: str, amount: int, uses: int = 0) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        self._forget_ahead()
        money.release(self._connection, budget, amount, uses)

    def seal(self, budget: str, label: str | None) -> None:
        """See :meth:`apologylab.service.ports.Transaction.seal`."""
        self._forget_ahead()
        money.seal(self._connection, budget, label)

    def counters(self, names: Sequence[str]) -> Mapping[str, int]:
        """See :meth:`apologylab.service.ports.Transaction.counters`."""
        return money.counters(self._connection, names)

    def advance(self, steps: Mapping[str, int]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.advance`."""
        money.advance(self._connection, steps)

    def finish(self) -> None:
        """Write the texts that wait; one that stands already must have the same body."""
        texts, self._texts = self._texts, {}
        _refuse_taken(texts, self._writing.put_texts(texts))

    @property
    def _connection(self) -> sa.Connection:
        return self._writing.connection


def _refuse_taken(texts: Mapping[str, str], stands: Mapping[str, str]) -> None:
    for text_id, body in stands.items():
        if texts[text_id] != body:
            raise text_taken(text_id)
