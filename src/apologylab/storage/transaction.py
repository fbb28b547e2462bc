"""One transaction on a SQL ledger, written against SQLAlchemy Core."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from apologylab.errors import InputError, LedgerError
from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Delivery, Fact, Remedy
from apologylab.service.ports import Appended
from apologylab.storage.rows import Row, append_groups, decode, encode_value, encode_values, micros
from apologylab.storage.tables import BUDGET, COMMIT_TIME, FACT_KEY, FACTS, REMEDY_PENDING, TEXT
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

F = TypeVar("F", bound=Fact)


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
        query = matching(kind, equal).order_by(FACTS[kind].c.seq)
        return decode(kind, self._connection.execute(query))

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        wanted = encode_values(kind, column, values)
        found = FACTS[kind]
        if column == "key":
            among: sa.ColumnElement[bool] = found.c.seq.in_(
                _seqs(kind, _among(FACT_KEY.c.key, wanted))
            )
        else:
            among = _among(found.c[column], wanted)
        query = matching(kind, {}).where(among).order_by(found.c.seq)
        return decode(kind, self._connection.execute(query))

    def due(self, experiment: str, *, now: datetime, limit: int) -> list[Remedy]:
        """See :meth:`apologylab.service.ports.Transaction.due`."""
        pending, remedies = REMEDY_PENDING.c, FACTS[Remedy]
        query = (
            matching(Remedy, {})
            .join(REMEDY_PENDING, pending.seq == remedies.c.seq)
            .where(pending.experiment == experiment, pending.due_at <= micros(now))
            .order_by(pending.due_at, pending.seq)
            .limit(limit)
        )
        return decode(Remedy, self._connection.execute(query))

    def put_text(self, text_id: str, body: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_text`."""
        if self._texts.setdefault(text_id, body) != body:
            raise _text_taken(text_id)

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        query = sa.select(TEXT.c.id, TEXT.c.body).where(_among(TEXT.c.id, text_ids))
        return {row.id: row.body for row in self._connection.execute(query)}

    def reserve(self, budget: str, amount: int, cap: int) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.reserve`."""
        if amount < 0:
            raise InputError(f"cannot reserve {amount}", do="give an amount of 0 or more")
        if amount == 0 or amount > cap:
            return amount == 0 and reserved(self._connection, budget) <= cap
        added = BUDGET.c.reserved + amount
        put = sqlite.insert(BUDGET).values(name=budget, reserved=amount)
        done = self._connection.execute(
            put.on_conflict_do_update(
                index_elements=[BUDGET.c.name], set_={"reserved": added}, where=added <= cap
            )
        )
        return done.rowcount == 1

    def release(self, budget: str, amount: int) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        if amount < 0:
            raise InputError(f"cannot release {amount}", do="give an amount of 0 or more")
        taken = (
            BUDGET.update()
            .where(BUDGET.c.name == budget, BUDGET.c.reserved >= amount)
            .values(reserved=BUDGET.c.reserved - amount)
        )
        if amount and self._connection.execute(taken).rowcount != 1:
            raise LedgerError(
                f"cannot release {amount} of budget {budget!r}, which holds less",
                do="release what was reserved, once",
            )

    def finish(self) -> None:
        """Write the texts, and the time of this commit if it brought facts."""
        if self._texts:
            self._write_texts()
        if self._seq > self._first:
            self._connection.execute(
                COMMIT_TIME.insert().values(seq=self._seq, recorded_at=self._recorded_at)
            )

    def _standing(self, kind: type[Fact], keys: Sequence[str]) -> dict[str, Row]:
        """The stored rows under ``keys``."""
        seqs = self._connection.scalars(_seqs(kind, _among(FACT_KEY.c.key, keys))).all()
        if not seqs:
            return {}
        rows = matching(kind, {}).where(_among(FACTS[kind].c.seq, seqs))
        return {row[0]: tuple(row) for row in self._connection.execute(rows)}

    def _insert(self, kind: type[Fact], rows: Sequence[Row]) -> None:
        """Give each row its ``seq`` and store it; ``rows`` have new keys."""
        first, at = self._seq + 1, self._recorded_at
        full = [(seq, *row, at) for seq, row in enumerate(rows, first)]
        facts_sql, keys_sql = _insertions(kind_of(kind))
        self._connection.exec_driver_sql(facts_sql, full)
        self._connection.exec_driver_sql(keys_sql, (kind_of(kind), first))
        self._seq += len(rows)
        if kind is Remedy:
            self._await_delivery(first)
        if kind in (Remedy, Delivery):
            self._settle([row[0] for row in rows])

    def _await_delivery(self, first: int) -> None:
        """Put the remedies from ``first`` on into the dispatcher's index."""
        remedies = FACTS[Remedy].c
        columns = ["key", "experiment", "due_at", "seq"]
        rows = sa.select(*(remedies[name] for name in columns)).where(remedies.seq >= first)
        self._connection.execute(REMEDY_PENDING.insert().from_select(columns, rows))

    def _settle(self, keys: Sequence[str]) -> None:
        """Take those of ``keys`` that have a delivery off the dispatcher's index."""
        delivered = sa.select(FACT_KEY.c.key).where(
            FACT_KEY.c.kind == kind_of(Delivery), _among(FACT_KEY.c.key, keys)
        )
        self._connection.execute(REMEDY_PENDING.delete().where(REMEDY_PENDING.c.key.in_(delivered)))

    def _write_texts(self) -> None:
        """Store the texts; one that stands already must have the same body."""
        stored = sa.select(TEXT.c.id, TEXT.c.body).where(_among(TEXT.c.id, list(self._texts)))
        for text_id, body in self._connection.execute(stored):
            if self._texts.pop(text_id) != body:
                raise _text_taken(text_id)
        if self._texts:
            rows = [{"id": text_id, "body": body} for text_id, body in self._texts.items()]
            self._connection.execute(TEXT.insert(), rows)


def last_seq(connection: sa.Connection) -> int:
    """The last ``seq`` that was committed."""
    return int(connection.scalar(sa.select(sa.func.max(COMMIT_TIME.c.seq))) or 0)


def reserved(connection: sa.Connection, budget: str) -> int:
    """Minor units that ``budget`` has reserved."""
    return int(connection.scalar(sa.select(BUDGET.c.reserved).where(BUDGET.c.name == budget)) or 0)


def matching(
    kind: type[Fact], equal: Mapping[str, object], *, mark: int | None = None
) -> sa.Select[Any]:
    """The fields of facts whose columns equal those given, None meaning empty; unordered."""
    found = FACTS[kind]
    query = sa.select(*(found.c[column.name] for column in table(kind).fields))
    for name, value in equal.items():
        wanted = encode_value(kind, name, value)
        if name == "key":
            query = query.where(found.c.seq.in_(_seqs(kind, FACT_KEY.c.key == wanted)))
        else:
            query = query.where(found.c[name] == wanted)
    return query if mark is None else query.where(found.c.seq <= mark)


def _seqs(kind: type[Fact], keys: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The ``seq`` of facts of ``kind`` whose key satisfies ``keys``."""
    return sa.select(FACT_KEY.c.seq).where(FACT_KEY.c.kind == kind_of(kind), keys)


def _among(column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """``column`` is one of ``values``: one parameter, however many values there are."""
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))


@cache
def _insertions(kind: str) -> tuple[str, str]:
    """The statement that stores a fact, and the one that takes the keys from a ``seq`` on.

    Keys are copied inside the database, which takes half the time of sending them again.
    """
    dialect = sqlite.dialect(paramstyle="qmark")
    facts = FACTS[KINDS[kind]]
    keys = sa.select(sa.literal(kind), facts.c.key, facts.c.seq).where(facts.c.seq >= 0)
    return (
        str(facts.insert().compile(dialect=dialect)),
        str(FACT_KEY.insert().from_select(["kind", "key", "seq"], keys).compile(dialect=dialect)),
    )


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
