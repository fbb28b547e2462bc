"""The ledger's tables for SQLAlchemy Core, made from :mod:`apologylab.wire.schema`.

Facts stand in commit order under ``seq``; ``fact_key`` alone knows which keys are taken, so that
uniqueness has one home whatever becomes of the fact tables (partitions, archives). Both databases
use the same definitions; ``migrations`` holds the frozen DDL that a test compares with these.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from apologylab.record.facts import KINDS, Fact
from apologylab.wire.schema import (
    BUDGETS,
    COMMITS,
    COUNTERS,
    INDEXED,
    KEYS,
    LEDGER,
    MARKS,
    PENDING,
    TEXTS,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.record.columns import Column, ColumnType

_TYPES: Mapping[ColumnType, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "integer": sa.BigInteger,
    "real": sa.Double,
    "boolean": sa.SmallInteger,
    "time": sa.BigInteger,
    "json": sa.Text,
}

METADATA = sa.MetaData()


def _number() -> sa.types.TypeEngine[int]:
    """A primary key in 64 bits; INTEGER in SQLite, where only that is the rowid itself."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _fact_table(fact: type[Fact]) -> sa.Table:
    """The table of one kind with its few indexes."""
    shape = table(fact)
    return sa.Table(
        shape.name,
        METADATA,
        *(_column(column) for column in shape.columns),
        *(sa.Index(f"{shape.name}_{name}", name) for name in INDEXED.get(shape.kind, ())),
    )


def _column(column: Column) -> sa.Column[object]:
    if column.name == "seq":
        return sa.Column("seq", _number(), primary_key=True, autoincrement=False)
    return sa.Column(column.name, _TYPES[column.type](), nullable=column.nullable)


FACTS: Mapping[type[Fact], sa.Table] = MappingProxyType(
    {fact: _fact_table(fact) for fact in KINDS.values()}
)
"""The table of every kind of fact."""


def _name() -> sa.types.TypeEngine[str]:
    """A text compared by its bytes; PostgreSQL would otherwise ask the system's language rules."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


FACT_KEY = sa.Table(
    KEYS,
    METADATA,
    sa.Column("kind", _name(), primary_key=True),
    sa.Column("key", _name(), primary_key=True),
    sa.Column("seq", sa.BigInteger(), nullable=False),
    sqlite_with_rowid=False,
)

COMMIT_TIME = sa.Table(
    COMMITS,
    METADATA,
    sa.Column("seq", _number(), primary_key=True, autoincrement=False),
    sa.Column("recorded_at", sa.BigInteger(), nullable=False),
)

COMMIT_MARK = sa.Table(
    MARKS,
    METADATA,
    sa.Column("as_of", _number(), primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger(), nullable=False),
)

_AWAITS = sa.text("awaits IS NOT NULL")
REMEDY_PENDING = sa.Table(
    PENDING,
    METADATA,
    sa.Column("key", sa.Text(), primary_key=True),
    sa.Column("experiment", sa.Text(), nullable=False),
    sa.Column("due_at", sa.BigInteger(), nullable=False),
    sa.Column("seq", sa.BigInteger(), nullable=False),
    sa.Column("again_at", sa.BigInteger()),
    sa.Column("holder", sa.Text()),
    sa.Column("lease_until", sa.BigInteger()),
    sa.Column("handed", sa.SmallInteger()),
    sa.Column("attempts", sa.BigInteger()),
    sa.Column("because", sa.Text()),
    sa.Column("dead", sa.SmallInteger()),
    sa.Column("awaits", sa.Text()),
    sa.Index(f"{PENDING}_due", "experiment", "due_at", "seq"),
    sa.Index(f"{PENDING}_awaits", "experiment", sqlite_where=_AWAITS, postgresql_where=_AWAITS),
    sqlite_with_rowid=False,
)

TEXT = sa.Table(
    TEXTS,
    METADATA,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("body", sa.Text(), nullable=False),
    sqlite_with_rowid=False,
)

BUDGET = sa.Table(
    BUDGETS,
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("reserved", sa.BigInteger(), nullable=False),
    sa.Column("uses", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("sealed", sa.Text()),
    sa.CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    sqlite_with_rowid=False,
)

COUNTER = sa.Table(
    COUNTERS,
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.BigInteger(), nullable=False),
    sqlite_with_rowid=False,
)

IDENTITY = sa.Table(
    LEDGER,
    METADATA,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("environment", sa.Text(), nullable=False),
    sa.Column("simulated", sa.SmallInteger(), nullable=False),
    sa.Column("secret", sa.Text()),
)
