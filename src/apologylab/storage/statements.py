"""The statements of a transaction, each built once: building one costs more than running it.

A list of values is one parameter, ``values``, a JSON array, however many there are.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Delivery, Fact, Remedy
from apologylab.storage.rows import encode_value
from apologylab.storage.tables import BUDGET, COMMIT_TIME, FACT_KEY, FACTS, REMEDY_PENDING, TEXT
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIALECT = sqlite.dialect(paramstyle="qmark")


def among(values: Sequence[Any]) -> dict[str, str]:
    """The parameter of a statement that looks for any of ``values``."""
    return {"values": json.dumps(list(values))}


def equal_to(kind: type[Fact], equal: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a statement that :func:`matching` made for the columns of ``equal``."""
    return {name: encode_value(kind, name, value) for name, value in equal.items()}


@cache
def matching(kind: str, names: tuple[str, ...] = ()) -> sa.Select[Any]:
    """The fields of facts whose columns ``names`` equal the parameters so named; unordered.

    None stands for empty.
    """
    found = FACTS[KINDS[kind]].c
    query = sa.select(*(found[column.name] for column in table(KINDS[kind]).fields))
    for name in names:
        wanted: sa.BindParameter[Any] = sa.bindparam(name)
        if name == "key":
            query = query.where(found.seq.in_(_seqs(kind, FACT_KEY.c.key == wanted)))
        else:
            query = query.where(found[name].is_not_distinct_from(wanted))
    return query


@cache
def find(kind: str, names: tuple[str, ...]) -> sa.Select[Any]:
    """As :func:`matching`, in the ledger's order."""
    return matching(kind, names).order_by(FACTS[KINDS[kind]].c.seq)


def until(kind: type[Fact], query: sa.Select[Any], mark: int | None) -> sa.Select[Any]:
    """``query`` of facts up to ``mark`` only, where there is one."""
    return query if mark is None else query.where(FACTS[kind].c.seq <= mark)


@cache
def find_among(kind: str, column: str) -> sa.Select[Any]:
    """The fields of facts whose ``column`` is one of ``values``, in the ledger's order."""
    found = FACTS[KINDS[kind]].c
    wanted = found.seq.in_(standing(kind)) if column == "key" else _is_among(found[column])
    return matching(kind).where(wanted).order_by(found.seq)


@cache
def standing(kind: str) -> sa.Select[Any]:
    """The ``seq`` of facts of ``kind`` whose key is one of ``values``."""
    return _seqs(kind, _is_among(FACT_KEY.c.key))


@cache
def due() -> sa.Select[Any]:
    """The first ``limit`` remedies of ``experiment`` that are due at ``now``, undelivered."""
    pending, remedies = REMEDY_PENDING.c, FACTS[Remedy]
    return (
        matching(kind_of(Remedy))
        .join(REMEDY_PENDING, pending.seq == remedies.c.seq)
        .where(
            pending.experiment == sa.bindparam("experiment"), pending.due_at <= sa.bindparam("now")
        )
        .order_by(pending.due_at, pending.seq)
        .limit(sa.bindparam("limit"))
    )


@cache
def await_delivery() -> sa.Insert:
    """Put the remedies from ``first`` on into the dispatcher's index."""
    remedies = FACTS[Remedy].c
    columns = ["key", "experiment", "due_at", "seq"]
    rows = sa.select(*(remedies[name] for name in columns))
    new = rows.where(remedies.seq >= sa.bindparam("first"))
    return REMEDY_PENDING.insert().from_select(columns, new)


@cache
def settle() -> sa.Delete:
    """Take those of the keys ``values`` that have a delivery off the dispatcher's index."""
    delivered = sa.select(FACT_KEY.c.key).where(
        FACT_KEY.c.kind == kind_of(Delivery), _is_among(FACT_KEY.c.key)
    )
    return REMEDY_PENDING.delete().where(REMEDY_PENDING.c.key.in_(delivered))


@cache
def texts() -> sa.Select[tuple[str, str]]:
    """The texts whose id is one of ``values``."""
    return sa.select(TEXT.c.id, TEXT.c.body).where(_is_among(TEXT.c.id))


@cache
def last_seq() -> sa.Select[tuple[int]]:
    """The last ``seq`` that was committed."""
    return sa.select(sa.func.max(COMMIT_TIME.c.seq))


@cache
def reserved() -> sa.Select[tuple[int]]:
    """What ``budget`` has reserved."""
    return sa.select(BUDGET.c.reserved).where(BUDGET.c.name == sa.bindparam("budget"))


@cache
def reserve() -> sa.Insert:
    """Reserve ``amount`` more of ``budget`` unless that were more than ``cap``."""
    amount: sa.BindParameter[int] = sa.bindparam("amount")
    added = BUDGET.c.reserved + amount
    put = sqlite.insert(BUDGET).values(name=sa.bindparam("budget"), reserved=amount)
    return put.on_conflict_do_update(
        index_elements=[BUDGET.c.name],
        set_={"reserved": added},
        where=added <= sa.bindparam("cap"),
    )


@cache
def release() -> sa.Update:
    """Free ``amount`` of ``budget`` if it has reserved as much."""
    amount: sa.BindParameter[int] = sa.bindparam("amount")
    return (
        BUDGET.update()
        .where(BUDGET.c.name == sa.bindparam("budget"), BUDGET.c.reserved >= amount)
        .values(reserved=BUDGET.c.reserved - amount)
    )


@cache
def insertions(kind: str) -> tuple[str, str]:
    """What stores a fact, and what takes the keys from a ``seq`` on; with question marks.

    Keys are copied inside the database, which takes half the time of sending them again.
    """
    facts = FACTS[KINDS[kind]]
    keys = sa.select(sa.literal(kind), facts.c.key, facts.c.seq).where(facts.c.seq >= 0)
    return (
        str(facts.insert().compile(dialect=_DIALECT)),
        str(FACT_KEY.insert().from_select(["kind", "key", "seq"], keys).compile(dialect=_DIALECT)),
    )


@cache
def insert_text() -> str:
    """What stores a text under its id; with question marks."""
    return str(TEXT.insert().compile(dialect=_DIALECT))


def _seqs(kind: str, keys: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The ``seq`` of facts of ``kind`` whose key satisfies ``keys``."""
    return sa.select(FACT_KEY.c.seq).where(FACT_KEY.c.kind == kind, keys)


def _is_among(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    each = sa.func.json_each(sa.bindparam("values")).table_valued("value")
    return column.in_(sa.select(each.c.value))
