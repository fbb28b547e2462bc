"""Facts about what comes after an apology, and where and why a remedy leaves when it does.

It only adds tables, and columns that may be empty. Frozen, as 0001.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
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
OF_A_UNIT = "assignment text, experiment text, customer text"
# As in 0001.
FACTS = {
    "complaint": (
        "customer text, kind text, incident text?, order text?, department text?, asked_for text?, "
        "told integer?, escalated boolean?, lost_minutes integer?, lost_amount integer?, "
        "currency text?, fields json"
    ),
    "visit": "customer text, place text?",
    "due_moved": (
        f"{OF_A_UNIT}, awaited text, came_at time, due_at time, shift_s integer, "
        "shifted_by text?, leave_by time?"
    ),
    "approval": f"{OF_A_UNIT}, released boolean, reason text, by text",
    "choice": f"{OF_A_UNIT}, chosen text",
    "commitment": (f"{OF_A_UNIT}, level text, what text, keeper text, until time, incident text?"),
    "commitment_ended": f"{OF_A_UNIT}, kept boolean, because text, by text?",
    "survey_draw": f"{OF_A_UNIT}, invited boolean, share real",
    "agent_answer": (
        f"{OF_A_UNIT}, agent text, did text, parts text, amount integer?, currency text?, "
        "because text"
    ),
    "bounce": f"{OF_A_UNIT}, channel text, hard boolean, because text",
    "signed_off": "experiment text, version integer, role text, by text, sha256 text",
    "same_incident": (
        "customer text, incident text, kind text, order text?, cause text?, fields json"
    ),
}
INDEXES = {
    "complaint": ["incident", "customer"],
    "same_incident": ["incident"],
    "visit": ["customer"],
    "approval": ["assignment"],
    "choice": ["assignment"],
    "commitment": ["assignment"],
}
ADDED = {
    "fact_remedy": (
        "channel text?, address text?, sender text?, shift_s integer?, shifted_by text?, "
        "awaits text?, zone text?, leave_by time?"
    ),
    "fact_assignment": "timing text?",
    "remedy_pending": "awaits text?",
    "fact_delivery": "reference text?",
    "fact_liability": "because text?, terms text?",
    "fact_contact": "by text?",
    "fact_goodwill": "reason text?",
}


def upgrade() -> None:
    for kind, columns in FACTS.items():
        table = f"fact_{kind}"
        frame = f"seq number, key text, occurred_at time, {columns}, recorded_at time"
        op.create_table(table, *_columns(frame, key="seq"))
        for index in INDEXES.get(kind, ()):
            op.create_index(f"{table}_{index}", table, [index])
    for table, columns in ADDED.items():
        for column in _columns(columns):
            op.add_column(table, column)
    awaits = sa.text("awaits IS NOT NULL")
    op.create_index(
        "remedy_pending_awaits",
        "remedy_pending",
        ["experiment"],
        sqlite_where=awaits,
        postgresql_where=awaits,
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger only goes forward; restore a backup")


def _columns(said: str, *, key: str = "") -> list[sa.Column[Any]]:
    """Columns as ``said``: name, type and, with a question mark, that it may be empty."""
    found = []
    for each in said.split(", "):
        name, kind = each.split(" ")
        column = sa.Column(
            name,
            TYPES[kind.rstrip("?")],
            primary_key=name == key,
            autoincrement=False if name == key else "auto",
            nullable=kind.endswith("?"),
        )
        found.append(column)
    return found
