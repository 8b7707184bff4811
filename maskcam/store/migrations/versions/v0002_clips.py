"""Violations get clips."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables to this state; violations from before have no clip."""
    for column in (
        sa.Column("clip", sa.String),
        sa.Column("clip_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("clip_seconds", sa.Float),
        sa.Column("clip_lead_seconds", sa.Float),
    ):
        op.add_column("violations", column)
