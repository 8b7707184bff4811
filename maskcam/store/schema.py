"""Brings a database to the tables of this version, or refuses one that is not ours."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from maskcam.errors import StoreError
from maskcam.store.address import Address

_LOCK = 0x6D61736B
"""Number of the lock that PostgreSQL holds for whoever changes the tables: "mask" in ASCII."""


def is_current(connection: Connection, address: Address) -> bool:
    """Whether the tables are those of this version; the cheap look before `migrate`.

    Raises:
        StoreError: a newer maskcam made them, or the database is of something else.
    """
    found = MigrationContext.configure(connection).get_current_revision()
    scripts = _scripts()
    if found is None:
        strangers = set(inspect(connection).get_table_names()) - {"alembic_version"}
        if strangers:
            raise StoreError(
                f"{address.name} is the database of something else (it has a table {min(strangers)!r}):"
                " choose another for the event store"
            )
        return False
    if found not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"the event store {address.name} was made by a newer maskcam (its tables are of version {found!r},"
            f" this one knows up to {scripts.get_current_head()!r}): update maskcam"
        )
    return found == scripts.get_current_head()


def migrate(connection: Connection, address: Address) -> None:
    """Brings the tables to this version, in the transaction that `connection` is in.

    Raises:
        StoreError: see `is_current`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if is_current(connection, address):  # another process may have been quicker
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "maskcam.store:migrations")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
