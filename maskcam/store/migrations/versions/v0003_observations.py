"""Scores of tracks, for what would be with other settings; and where faces can be judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Brings the tables to this state."""
    op.create_table(
        "tracks",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("cameras.id"), nullable=False),
        sa.Column("track_id", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("runs", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("run_id", "camera_id", "track_id", "started_ms"),
    )
    op.create_index("ix_tracks_started_ms", "tracks", ["started_ms"])
    op.create_table(
        "heat",
        sa.Column("hour", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("cameras.id"), primary_key=True),
        sa.Column("run_id", sa.String(32), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("cells", sa.JSON, nullable=False),
    )
