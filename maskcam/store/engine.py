"""Connections to the database, and its faults in one sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from maskcam.errors import MissingLibraryError, StoreError, StoreUnavailableError
from maskcam.store.address import Address

BUSY_SECONDS = 2.0
"""How long to wait for another process that is writing."""


def make_engine(address: Address) -> Engine:
    """An engine that has not connected yet.

    Raises:
        MissingLibraryError: PostgreSQL's client library is not installed.
    """
    if address.file is not None:
        engine = create_engine(address.url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        import psycopg  # noqa: F401  only whether it is there
    except ImportError as error:
        raise MissingLibraryError(
            'a PostgreSQL store needs the library psycopg: pip install "maskcam[postgres]"'
        ) from error
    # a server that went away without a word must not hold up its caller for minutes
    patience = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "options": f"-c lock_timeout={BUSY_SECONDS * 1000:.0f} -c statement_timeout=60000 -c timezone=UTC",
    }
    return create_engine(address.url, pool_pre_ping=True, connect_args=patience)


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's own transactions begin late and leave changes of tables out of them: ours begin in _begin_sqlite
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")  # readers go on while somebody writes
    # FULL: a power cut loses nothing that was committed; with a few commits a second it costs next to nothing
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # IMMEDIATE: a transaction that reads first and writes later would be refused at once instead of waiting its turn
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine, address: Address) -> Iterator[Connection]:
    """A transaction that only reads.

    Raises:
        StoreError: it failed, in one sentence.
    """
    with _explained(address), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, address: Address) -> Iterator[Connection]:
    """A transaction that writes all or nothing.

    Raises:
        StoreError: it failed, in one sentence, and changed nothing.
    """
    with (
        _explained(address),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        misuse = error.orig if isinstance(error, StatementError) else None
        if isinstance(misuse, ValueError | TypeError):  # of a value, found while it was converted
            raise misuse from None
        raise explain(error, address) from error


def explain(error: SQLAlchemyError, address: Address) -> StoreError:
    """The fault as one of ours."""
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    words = (str(original).strip().splitlines() or [type(original).__name__])[0]
    if address.file is not None:
        return _explain_sqlite(getattr(original, "sqlite_errorcode", 0) & 0xFF, words, address)
    if isinstance(error, DBAPIError) and (
        error.connection_invalidated or type(original).__name__ in _PASSING or original.sqlstate is None
    ):
        return StoreUnavailableError(f"the event store {address.name} does not answer ({words})")
    return StoreError(f"the event store {address.name} refuses ({words})")


_PASSING = {"OperationalError", "LockNotAvailable", "QueryCanceled", "AdminShutdown", "DiskFull"}
"""psycopg's names for what may be over in a while."""


def _explain_sqlite(code: int, words: str, address: Address) -> StoreError:
    name = address.name
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailableError(f"the event store {name} is locked by another program: try again later")
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailableError(
            f"no space left for the event store {name}: free some, or set [store] limits"
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            f"the event store {name} is damaged or no SQLite database ({words}); it was left as it is: move it away"
            f' to start anew, restore a backup, or save what can be read with `sqlite3 "{name}" .recover`'
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StoreError(
            f"cannot open or write the event store {name} ({words}): choose a folder you can write in"
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailableError(f"the disk with the event store {name} fails ({words})")
    return StoreError(f"the event store {name} failed ({words})")
