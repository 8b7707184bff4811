"""Sites: what waits to be forwarded to another store, and what was forwarded to this one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables to this state; what is there already waits to be forwarded, should that ever be asked for."""
    for table, columns in (("violations", ["id"]), ("counts", ["minute"])):
        op.add_column(table, sa.Column("is_forwarded", sa.Boolean, nullable=False, server_default=sa.false()))
        waits = sa.text("NOT is_forwarded")
        op.create_index(f"ix_{table}_to_forward", table, columns, sqlite_where=waits, postgresql_where=waits)
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.Column("version", sa.String, nullable=False),
    )
    op.create_table(
        "site_cameras",
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("cameras.id"), primary_key=True),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("sites.id"), nullable=False, index=True),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
    )
