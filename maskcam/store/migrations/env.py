"""Alembic loads this file by its path; the connection is the one of `maskcam.store.schema`."""

from __future__ import annotations

from alembic import context

from maskcam.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot change a column: the table is copied
)
with context.begin_transaction():
    context.run_migrations()
