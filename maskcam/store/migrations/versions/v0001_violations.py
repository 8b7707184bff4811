"""The first tables: cameras, violations, transitions, counts per minute."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Brings the tables to this state."""
    store = op.create_table("store", sa.Column("store_id", sa.String(32), primary_key=True))
    op.bulk_insert(store, [{"store_id": uuid.uuid4().hex}])
    op.create_table(
        "cameras",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
    )
    _create_violations()
    op.create_table(
        "transitions",
        sa.Column("violation_id", _ID, sa.ForeignKey("violations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("started_seconds", sa.Float, nullable=False),
        sa.Column("ended_seconds", sa.Float),
    )
    op.create_table(
        "counts",
        sa.Column("minute", _TIME, primary_key=True),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("cameras.id"), primary_key=True),
        sa.Column("run_id", sa.String(32), primary_key=True),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("people", "masked", "bare", "incorrect", "unsure")
        ),
    )


def _create_violations() -> None:
    op.create_table(
        "violations",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("cameras.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("track_id", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("started_seconds", sa.Float, nullable=False),
        sa.Column("ended_seconds", sa.Float),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("x1", "y1", "x2", "y2")),
        sa.Column("picture", sa.String),
        sa.Column("face", sa.String),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("is_protected", sa.Boolean, nullable=False),
        sa.Column("is_false_alarm", sa.Boolean, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.UniqueConstraint("run_id", "camera_id", "number"),
    )
    op.create_index("ix_violations_started_at", "violations", ["started_at"])
    op.create_index("ix_violations_camera_id_started_at", "violations", ["camera_id", "started_at"])
