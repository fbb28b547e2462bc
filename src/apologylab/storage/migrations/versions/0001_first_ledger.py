"""The first ledger: a table for every kind of fact, keys, commits, marks, texts and budgets.

Frozen: a later change is a later script. A test compares the outcome with ``storage.tables``.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "integer": sa.BigInteger(),
    "real": sa.Double(),
    "boolean": sa.SmallInteger(),
    "time": sa.BigInteger(),
    "json": sa.Text(),
    "number": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
}
# Columns as "name type", with a question mark where a value may be missing; every fact also has
# seq, key and occurred_at before them and recorded_at after.
FACTS = {
    "incident": "customer text, kind text, order text?, cause text?, fields json",
    "assignment": (
        "experiment text, version integer, phase integer, unit text, customer text, incident "
        "text, arm text, reason text, propensity real?, entry real, holdout real, because "
        "text, delay_s integer?, due_at time?, first boolean"
    ),
    "remedy": (
        "assignment text, experiment text, customer text, arm text, locale text?, text text?, "
        "text_sha256 text?, compensation text?, amount integer, currency text?, due_at time"
    ),
    "delivery": (
        "assignment text, experiment text, customer text, arm text, channel text, state text, "
        "because text"
    ),
    "liability": (
        "assignment text, experiment text, customer text, arm text, compensation text, state "
        "text, amount integer, currency text"
    ),
    "order": (
        "customer text, list_amount integer, paid_amount integer, currency text, our_coupon "
        "boolean, returned_amount integer"
    ),
    "redemption": (
        "customer text, compensation text, amount integer, cost_amount integer, currency "
        "text, order text?, assignment text?"
    ),
    "contact": "customer text, kind text, incident text?",
    "goodwill": (
        "customer text, kind text, amount integer, currency text, incident text?, by text?"
    ),
    "resolution": "incident text, customer text, resolved boolean, took text",
    "fault": "incident text, by text",
    "survey_answer": "customer text, question text, score real?, incident text?",
    "customer_snapshot": "customer text, since time?, consent text?, fields json",
    "feed": "fact text, through time",
    "started": (
        "experiment text, version integer, fingerprint text, declaration text, messages json"
    ),
    "phase_began": "experiment text, version integer, phase integer, entry real, weights json",
    "closed": "experiment text, version integer, phase integer, because text",
    "look": "experiment text, version integer, as_of time, contrasts integer, planned boolean",
    "fallback_report": (
        "experiment text, unit text, customer text, incident text, proposed text, given text"
    ),
    "forgotten": "customer text, because text",
    "correction": "fact text, corrects text, because text, fields json",
}
INDEXES = {
    "assignment": "customer",
    "liability": "assignment",
    "contact": "incident",
    "goodwill": "incident",
    "resolution": "incident",
    "fault": "incident",
    "fallback_report": "incident",
    "customer_snapshot": "customer",
    "forgotten": "customer",
}


def upgrade() -> None:
    for kind, columns in FACTS.items():
        table = f"fact_{kind}"
        frame = f"seq number, key text, occurred_at time, {columns}, recorded_at time"
        _create(table, frame, key="seq", rowid=True)
        if kind in INDEXES:
            op.create_index(f"{table}_{INDEXES[kind]}", table, [INDEXES[kind]])
    _create("fact_key", "kind text, key text, seq integer", key="kind, key")
    _create("commit_time", "seq number, recorded_at time", key="seq", rowid=True)
    _create("commit_mark", "as_of number, seq integer", key="as_of", rowid=True)
    _create("remedy_pending", "key text, experiment text, due_at time, seq integer", key="key")
    op.create_index("remedy_pending_due", "remedy_pending", ["experiment", "due_at", "seq"])
    _create("text", "id text, body text", key="id")
    positive = sa.CheckConstraint("reserved >= 0", name="reserved_not_negative")
    _create("budget", "name text, reserved integer", positive, key="name")
    _create("ledger", "id text, environment text, simulated boolean", key="id", rowid=True)


def downgrade() -> None:
    raise NotImplementedError("a ledger only goes forward; restore a backup")


def _create(
    table: str, columns: str, *constraints: sa.CheckConstraint, key: str, rowid: bool = False
) -> None:
    op.create_table(
        table,
        *(_column(*column.split(" ")) for column in columns.split(", ")),
        sa.PrimaryKeyConstraint(*key.split(", ")),
        *constraints,
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
