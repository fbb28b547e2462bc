"""What a look saw of each contrast, which later looks are corrected by.

It only adds a column that may be empty. Frozen, as 0001.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fact_look", sa.Column("readings", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a ledger only goes forward; restore a backup")
