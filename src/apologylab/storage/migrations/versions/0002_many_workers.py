"""Leases and dead letters, uses and seals of budgets, counters, and four more kinds of facts.

It only adds: what the version before reads and writes stays as it is, so that version may go on
writing while this runs and after it. Frozen, as 0001.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "integer": sa.BigInteger(),
    "boolean": sa.SmallInteger(),
    "time": sa.BigInteger(),
    "json": sa.Text(),
    "number": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
}
# As in 0001.
FACTS = {
    "attempt": (
        "assignment text, experiment text, customer text, channel text, number integer, because "
        "text, again_at time?"
    ),
    "halted": "experiment text, version integer, how text, because text",
    "merged": "customer text, into text, because text",
    "change": "experiment text?, what text, by text, detail json, follows text, sha256 text",
}
INDEXES = {"attempt": ["assignment"], "merged": ["customer", "into"]}
ADDED = {
    "fact_assignment": "stratum text?, block integer?",
    "fact_liability": "charged text?, expires_days integer?",
    "remedy_pending": (
        "again_at time?, holder text?, lease_until time?, handed boolean?, attempts integer?, "
        "because text?, dead boolean?"
    ),
    "budget": "sealed text?",
    "ledger": "secret text?",
}


def upgrade() -> None:
    for kind, columns in FACTS.items():
        table = f"fact_{kind}"
        frame = f"seq number, key text, occurred_at time, {columns}, recorded_at time"
        _create(table, frame, key="seq", rowid=True)
        for index in INDEXES.get(kind, ()):
            op.create_index(f"{table}_{index}", table, [index])
    _create("counter", "name text, value integer", key="name")
    for table, columns in ADDED.items():
        for column in columns.split(", "):
            op.add_column(table, _column(*column.split(" ")))
    none_yet = sa.Column("uses", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("budget", none_yet)
    ledger = sa.table("ledger", sa.column("secret"))
    op.execute(ledger.update().values(secret=secrets.token_hex(32)))
    if op.get_bind().dialect.name == "postgresql":
        _number_transactions()
        _compare_bytes()


def downgrade() -> None:
    raise NotImplementedError("a ledger only goes forward; restore a backup")


def _number_transactions() -> None:
    """A sequence that stands above all facts: a transaction has room for 2**22 below its number."""
    last = op.get_bind().scalar(sa.text("SELECT coalesce(max(seq), 0) FROM fact_key"))
    op.execute(f"CREATE SEQUENCE ledger_seq AS bigint START WITH {last // 2**22 + 1}")


def _compare_bytes() -> None:
    """Keys by their bytes, which takes half the time; no PostgreSQL ledger was released before."""
    for column in ("kind", "key"):
        op.execute(f'ALTER TABLE fact_key ALTER COLUMN "{column}" TYPE text COLLATE "C"')


def _create(table: str, columns: str, *, key: str, rowid: bool = False) -> None:
    op.create_table(
        table,
        *(_column(*column.split(" ")) for column in columns.split(", ")),
        sa.PrimaryKeyConstraint(*key.split(", ")),
        sqlite_with_rowid=rowid,
    )


def _column(name: str, kind: str) -> sa.Column[object]:
    whole = kind.removesuffix("?")
    return sa.Column(
        name,
        TYPES[whole],
        nullable=whole != kind,
        autoincrement=False if whole == "number" else "auto",
    )
