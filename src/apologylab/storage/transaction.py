"""One transaction on a SQL ledger, written against SQLAlchemy Core."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from apologylab.errors import InputError, LedgerError
from apologylab.record.facts import Fact
from apologylab.service.ports import Appended
from apologylab.storage.rows import Row, decode, encode, encode_value, unpack
from apologylab.storage.tables import BUDGET, COMMIT_TIME, FACT_KEY, FACTS, TEXT
from apologylab.wire.schema import kind_of, table

F = TypeVar("F", bound=Fact)


class SqlTransaction:
    """Reads and writes between BEGIN IMMEDIATE and COMMIT."""

    def __init__(self, connection: sa.Connection, recorded_at: int) -> None:
        self._connection = connection
        self._recorded_at = recorded_at
        self._first = self._seq = last_seq(connection)

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        groups: dict[type[Fact], list[Fact]] = defaultdict(list)
        for fact in facts:
            groups[type(fact)].append(fact)
        encoded = {kind: encode(kind, unpack(group)) for kind, group in groups.items()}
        done = [self.append_encoded(kind, rows) for kind, rows in encoded.items()]
        return Appended(
            new=sum(one.new for one in done),
            same=sum(one.same for one in done),
            contradicting=tuple(chain.from_iterable(one.contradicting for one in done)),
        )

    def append_encoded(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        """Append rows that are encoded already."""
        stands = self._standing(kind, [row[0] for row in rows])
        new, same, contradicting = [], 0, []
        for row in rows:
            before = stands.setdefault(row[0], row)
            if before is row:
                new.append(row)
            elif before == row:
                same += 1
            else:
                contradicting.append(row[0])
        self._insert(kind, new)
        return Appended(new=len(new), same=same, contradicting=tuple(contradicting))

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find`."""
        query = matching(kind, equal).order_by(FACTS[kind].c.seq)
        return decode(kind, self._connection.execute(query))

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        wanted = [encode_value(kind, column, value) for value in values]
        found = FACTS[kind]
        query = matching(kind, {}).order_by(found.c.seq)
        if column == "key":
            keys = _among(FACT_KEY.c.key, wanted)
            seqs = sa.select(FACT_KEY.c.seq).where(FACT_KEY.c.kind == kind_of(kind), keys)
            query = query.where(found.c.seq.in_(seqs))
        else:
            query = query.where(_among(found.c[column], wanted))
        return decode(kind, self._connection.execute(query))

    def put_text(self, text_id: str, body: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_text`."""
        try:
            self._connection.execute(TEXT.insert().values(id=text_id, body=body))
        except sa.exc.IntegrityError:
            raise LedgerError(
                f"text {text_id!r} is stored already", do="draw a new random id"
            ) from None

    def reserve(self, budget: str, amount: int, cap: int) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.reserve`."""
        if amount < 0:
            raise InputError(f"cannot reserve {amount}", do="give an amount of 0 or more")
        if amount > cap:
            return False
        put = sqlite.insert(BUDGET).values(name=budget, reserved=amount)
        added = BUDGET.c.reserved + amount
        done = self._connection.execute(
            put.on_conflict_do_update(
                index_elements=[BUDGET.c.name], set_={"reserved": added}, where=added <= cap
            )
        )
        return done.rowcount == 1

    def release(self, budget: str, amount: int) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        taken = (
            BUDGET.update()
            .where(BUDGET.c.name == budget, BUDGET.c.reserved >= amount, sa.literal(amount) >= 0)
            .values(reserved=BUDGET.c.reserved - amount)
        )
        if self._connection.execute(taken).rowcount != 1:
            raise LedgerError(
                f"cannot release {amount} of budget {budget!r}, which holds less",
                do="release what was reserved, once",
            )

    def finish(self) -> None:
        """Note the time of this commit, if it brought facts."""
        if self._seq > self._first:
            self._connection.execute(
                COMMIT_TIME.insert().values(seq=self._seq, recorded_at=self._recorded_at)
            )

    def _standing(self, kind: type[Fact], keys: Sequence[str]) -> dict[str, Row]:
        """The stored rows under ``keys``."""
        found = self._connection.execute(
            sa.select(FACT_KEY.c.seq).where(
                FACT_KEY.c.kind == kind_of(kind), _among(FACT_KEY.c.key, keys)
            )
        )
        seqs = found.scalars().all()
        if not seqs:
            return {}
        rows = matching(kind, {}).where(_among(FACTS[kind].c.seq, seqs))
        return {row[0]: tuple(row) for row in self._connection.execute(rows)}

    def _insert(self, kind: type[Fact], rows: Sequence[Row]) -> None:
        """Give each row its ``seq`` and store it; ``rows`` have new keys."""
        if not rows:
            return
        first, name, at = self._seq + 1, kind_of(kind), (self._recorded_at,)
        key_sql, fact_sql = _insertions(kind)
        keys = [(name, row[0], seq) for seq, row in enumerate(rows, first)]
        full = [(seq, *row, *at) for seq, row in enumerate(rows, first)]
        self._connection.exec_driver_sql(key_sql, keys)
        self._connection.exec_driver_sql(fact_sql, full)
        self._seq += len(rows)


def last_seq(connection: sa.Connection) -> int:
    """The last ``seq`` that was committed."""
    return int(connection.scalar(sa.select(sa.func.max(COMMIT_TIME.c.seq))) or 0)


def matching(
    kind: type[Fact], equal: Mapping[str, object], *, mark: int | None = None
) -> sa.Select[Any]:
    """The fields of facts whose columns equal those given, None meaning empty; unordered."""
    found = FACTS[kind]
    query = sa.select(*(found.c[column.name] for column in table(kind).fields))
    for name, value in equal.items():
        wanted = encode_value(kind, name, value)
        if name == "key":
            keys = sa.select(FACT_KEY.c.seq).where(
                FACT_KEY.c.kind == kind_of(kind), FACT_KEY.c.key == wanted
            )
            query = query.where(found.c.seq.in_(keys))
        else:
            query = query.where(found.c[name] == wanted)
    return query if mark is None else query.where(found.c.seq <= mark)


def _among(column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """``column`` is one of ``values``: one parameter, however many values there are."""
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))


@cache
def _insertions(kind: type[Fact]) -> tuple[str, str]:
    """The two statements that store one fact, with positional parameters."""
    dialect = sqlite.dialect(paramstyle="qmark")
    return (
        str(FACT_KEY.insert().compile(dialect=dialect)),
        str(FACTS[kind].insert().compile(dialect=dialect)),
    )
