"""The statements of a transaction, each built once: building one costs more than running it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Delivery, Fact, Remedy
from apologylab.storage.expressions import among, is_among
from apologylab.storage.rows import encode_value
from apologylab.storage.tables import BUDGET, COMMIT_TIME, FACT_KEY, FACTS, REMEDY_PENDING, TEXT
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIALECT = sqlite.dialect(paramstyle="qmark")


def equal_to(kind: type[Fact], equal: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a statement that :func:`matching` made for the columns of ``equal``."""
    return {name: encode_value(kind, name, value) for name, value in equal.items()}


Conditions = tuple[tuple[str, bool], ...]
"""The columns that are compared with a parameter of their name, and whether that is None."""


def conditions(asked: Mapping[str, object]) -> Conditions:
    """What :func:`matching` should compare for the parameters ``asked``."""
    return tuple((name, value is None) for name, value in asked.items())


@cache
def matching(kind: str, where: Conditions = ()) -> sa.Select[Any]:
    """The fields of facts that satisfy ``where``; unordered."""
    found = FACTS[KINDS[kind]].c
    query = sa.select(*(found[column.name] for column in table(KINDS[kind]).fields))
    for name, is_none in where:
        wanted: sa.BindParameter[Any] = sa.bindparam(name)
        if is_none:
            query = query.where(found[name].is_(None))
        elif name == "key":
            query = query.where(found.seq.in_(_seqs(kind, FACT_KEY.c.key == wanted)))
        else:
            query = query.where(found[name] == wanted)
    return query


@cache
def find(kind: str, where: Conditions) -> sa.Select[Any]:
    """As :func:`matching`, in the ledger's order."""
    return matching(kind, where).order_by(FACTS[KINDS[kind]].c.seq)


def until(kind: type[Fact], query: sa.Select[Any], mark: int | None) -> sa.Select[Any]:
    """``query`` of facts up to ``mark`` only, where there is one."""
    return query if mark is None else query.where(FACTS[kind].c.seq <= mark)


@cache
def find_among(kind: str, column: str) -> sa.Select[Any]:
    """The fields of facts whose ``column`` is one of ``values``, in the ledger's order."""
    found = FACTS[KINDS[kind]].c
    wanted = found.seq.in_(standing(kind)) if column == "key" else is_among(found[column])
    return matching(kind).where(wanted).order_by(found.seq)


@cache
def standing(kind: str) -> sa.Select[Any]:
    """The ``seq`` of facts of ``kind`` whose key is one of ``values``."""
    return _seqs(kind, is_among(FACT_KEY.c.key))


@cache
def await_delivery() -> sa.Insert:
    """Put the remedies from ``first`` on into the dispatcher's index."""
    remedies = FACTS[Remedy].c
    columns = ["key", "experiment", "due_at", "seq", "awaits"]
    rows = sa.select(*(remedies[name] for name in columns))
    new = rows.where(remedies.seq >= sa.bindparam("first"))
    return REMEDY_PENDING.insert().from_select(columns, new)


@cache
def settle() -> sa.Delete:
    """Take those of the keys ``values`` that have a delivery off the dispatcher's index."""
    delivered = sa.select(FACT_KEY.c.key).where(
        FACT_KEY.c.kind == kind_of(Delivery), is_among(FACT_KEY.c.key)
    )
    return REMEDY_PENDING.delete().where(REMEDY_PENDING.c.key.in_(delivered))


def bodies(connection: sa.Connection, text_ids: Sequence[str]) -> dict[str, str]:
    """The stored texts among ``text_ids``."""
    return {row.id: row.body for row in connection.execute(texts(), among(text_ids))}


@cache
def texts() -> sa.Select[tuple[str, str]]:
    """The texts whose id is one of ``values``."""
    return sa.select(TEXT.c.id, TEXT.c.body).where(is_among(TEXT.c.id))


@cache
def last_seq() -> sa.Select[Any]:
    """The last ``seq`` that was committed."""
    return sa.select(sa.func.max(COMMIT_TIME.c.seq))


@cache
def reserved() -> sa.Select[tuple[int]]:
    """What ``budget`` has reserved."""
    return sa.select(BUDGET.c.reserved).where(BUDGET.c.name == sa.bindparam("budget"))


@cache
def forget() -> sa.Delete:
    """Delete the texts whose id is one of ``values``."""
    return TEXT.delete().where(is_among(TEXT.c.id))


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
