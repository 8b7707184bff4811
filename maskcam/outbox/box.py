"""Messages on disk: one small SQLite file that survives restarts, crashes and `kill -9`.

Several processes may use one file. A connection belongs to one thread: whoever appends and whoever delivers each
have an `Outbox` of their own on the same file.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maskcam.closing import Closing
from maskcam.errors import OutputError
from maskcam.outbox.base import Message

_log = logging.getLogger(__name__)

_VERSION = 1
_APPLICATION = 0x6D636F62
"""Marks the file as ours ("mcob")."""
_SCHEMA = f"""
PRAGMA secure_delete = ON;
PRAGMA auto_vacuum = FULL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL,
    key TEXT NOT NULL,
    camera TEXT NOT NULL,
    phase TEXT NOT NULL,
    identity TEXT NOT NULL,
    created_seconds REAL NOT NULL,
    is_held INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting ON messages (receiver, is_held, id);
CREATE INDEX IF NOT EXISTS held ON messages (receiver, key) WHERE is_held = 1;
CREATE INDEX IF NOT EXISTS sizes ON messages (receiver, phase, id, bytes);
CREATE INDEX IF NOT EXISTS ages ON messages (created_seconds);
CREATE TABLE IF NOT EXISTS dropped (receiver TEXT PRIMARY KEY, count INTEGER NOT NULL);
PRAGMA user_version = {_VERSION};
PRAGMA application_id = {_APPLICATION};
COMMIT;
"""
_COLUMNS = "id, key, camera, phase, identity, created_seconds, is_held, body"
_ROW_BYTES = 300
"""What a message takes beside its body."""
_CLOCK_IS_SET = 1_600_000_000.0
"""In 2020. Messages dated earlier were written while the clock was not set: nobody knows how old they are."""
_DAMAGED = ("malformed", "not a database")
_OUR_SUFFIXES = (".sqlite", ".db")
"""A damaged file with such a name is moved out of the way; any other may be something else, named by mistake."""


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config reads the defaults off the class
class OutboxLimits:
    """How much may wait.

    Attributes:
        megabytes: per receiver; beyond it the oldest updates go first, then the oldest of all.
        hours: older messages are dropped.
    """

    megabytes: float = 100.0
    hours: float = 7 * 24.0


class Outbox(Closing):
    """The messages that wait for one receiver, oldest first.

    Args:
        path: of the file, made when missing; shared by all receivers.
        receiver: whose messages.
        limits: see there.
        is_durable: whether `append` returns only when the message would survive a power cut; without, it survives
            the end of the process.
        tell: told, in one sentence, of a damaged file that was moved aside.
        wall_clock: as `time.time`.
        busy_seconds: how long to wait while somebody else has the file locked.

    Raises:
        OutputError: the file cannot be used at all. A locked one can, later.
    """

    def __init__(
        self,
        path: Path,
        receiver: str,
        *,
        limits: OutboxLimits | None = None,
        is_durable: bool = True,
        tell: Callable[[str], None] = _log.warning,
        wall_clock: Callable[[], float] = time.time,
        busy_seconds: float = 5.0,
    ) -> None:
        self._path = path
        self._receiver = receiver
        self._limits = limits or OutboxLimits()
        self._is_durable = is_durable
        self._tell = tell
        self._wall_clock = wall_clock
        self._busy_seconds = busy_seconds
        self._open: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._claim: sqlite3.Connection | None = None
        try:
            self._connect()
        except sqlite3.Error as error:
            if "locked" not in str(error):
                raise self._failed(error) from error

    def append(self, messages: Sequence[Message]) -> int:
        """Stores messages behind all others; makes room for them where there is none.

        A message about a violation that is to go into a summary goes there, too.

        Returns:
            How many messages were dropped to make room.

        Raises:
            OutputError: they cannot be stored; none of them is.
        """
        with self._transaction() as db:
            for message in messages:
                held = message.is_held or self._has_held(db, message.key)
                db.execute(
                    "INSERT INTO messages (receiver, key, camera, phase, identity, created_seconds, is_held, bytes,"
                    " body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        self._receiver,
                        message.key,
                        message.camera,
                        message.phase,
                        message.identity,
                        message.created_seconds,
                        held,
                        len(message.body) + _ROW_BYTES,
                        message.body,
                    ),
                )
            return self._drop_old(db) + self._drop_large(db)

    def first(self, *, leave_out: Collection[int] = ()) -> Message | None:
        """The oldest message that may be sent by itself and whose number is none of these; None: there is none.

        Raises:
            OutputError: the file cannot be read.
        """
        numbers = ",".join(str(number) for number in leave_out)
        with self._reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM messages WHERE receiver = ? AND is_held = 0 AND id NOT IN ({numbers})"
                " ORDER BY id LIMIT 1",
                (self._receiver,),
            ).fetchone()
        return None if row is None else _message(row)

    def remove(self, numbers: Collection[int]) -> None:
        """Forgets messages that were delivered.

        Raises:
            OutputError: they are still there.
        """
        with self._transaction() as db:
            db.executemany("DELETE FROM messages WHERE id = ?", [(number,) for number in numbers])

    def held_since(self) -> dict[str, float]:
        """When the oldest message that is to go into a summary was made, per camera that has any.

        Raises:
            OutputError: the file cannot be read.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT camera, created_seconds, min(id) FROM messages WHERE receiver = ? AND is_held = 1"
                " GROUP BY camera",
                (self._receiver,),
            ).fetchall()
        return {camera: created_seconds for camera, created_seconds, _ in rows}

    def held(self, camera: str) -> list[Message]:
        """The messages of a camera that are to go into a summary, oldest first.

        Raises:
            OutputError: the file cannot be read.
        """
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM messages WHERE receiver = ? AND is_held = 1 AND camera = ? ORDER BY id",
                (self._receiver, camera),
            ).fetchall()
        return [_message(row) for row in rows]

    def sum_up(self, messages: Sequence[Message], summary: Message) -> None:
        """Puts a summary in the place of the last of these messages; the others are gone.

        Raises:
            OutputError: all is as it was.
        """
        last = messages[-1].number
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM messages WHERE id = ?", [(m.number,) for m in messages if m.number != last]
            )
            db.execute(
                "UPDATE messages SET key = ?, phase = ?, identity = ?, created_seconds = ?, is_held = 0, bytes = ?,"
                " body = ? WHERE id = ?",
                (
                    summary.key,
                    summary.phase,
                    summary.identity,
                    summary.created_seconds,
                    len(summary.body) + _ROW_BYTES,
                    summary.body,
                    last,
                ),
            )

    def count(self) -> int:
        """How many messages wait, those for a summary included.

        Raises:
            OutputError: the file cannot be read.
        """
        with self._reading() as db:
            (count,) = db.execute(
                "SELECT count(*) FROM messages WHERE receiver = ?", (self._receiver,)
            ).fetchone()
        return int(count)

    def dropped(self) -> int:
        """How many messages were dropped for their age or the room they took, ever since the file was made.

        Raises:
            OutputError: the file cannot be read.
        """
        with self._reading() as db:
            row = db.execute("SELECT count FROM dropped WHERE receiver = ?", (self._receiver,)).fetchone()
        return 0 if row is None else int(row[0])

    def claim(self) -> bool:
        """Takes the right to deliver, so that two processes do not both do it; it ends with this object or process.

        Returns:
            False while another one has it.

        Raises:
            OutputError: the lock cannot be made.
        """
        if self._claim is not None:
            return True
        lock = self._path.with_name(f"{self._path.name}-{re.sub(r'[^A-Za-z0-9]+', '-', self._receiver)}.lock")
        # a lock of SQLite's works the same on every system, and the system lifts it when a process is killed
        claim: sqlite3.Connection | None = None
        try:
            claim = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
            claim.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if claim is not None:
                claim.close()
            if "locked" in str(error):
                return False
            raise self._failed(error) from error
        self._claim = claim
        return True

    def close(self) -> None:
        """Closes the file and gives the right to deliver back."""
        self._disconnect()
        if self._claim is not None:
            with suppress(sqlite3.Error):
                self._claim.close()
        self._claim = None

    def _has_held(self, db: sqlite3.Connection, key: str) -> bool:
        found = db.execute(
            "SELECT 1 FROM messages WHERE receiver = ? AND is_held = 1 AND key = ? LIMIT 1",
            (self._receiver, key),
        )
        return found.fetchone() is not None

    def _drop_old(self, db: sqlite3.Connection) -> int:
        """Drops what is too old, also of receivers that are no longer in use."""
        old = (self._wall_clock() - 3600 * self._limits.hours, _CLOCK_IS_SET)
        where = "WHERE created_seconds < ? AND created_seconds > ?"
        counts = db.execute(f"SELECT receiver, count(*) FROM messages {where} GROUP BY receiver", old)
        dropped = dict(counts.fetchall())
        if dropped:
            db.execute(f"DELETE FROM messages {where}", old)
        for receiver, count in dropped.items():
            self._note_dropped(db, receiver, count)
        return int(dropped.get(self._receiver, 0))

    def _drop_large(self, db: sqlite3.Connection) -> int:
        """Drops until the rest fits: updates first, since the start and the end of a violation say more."""
        (size,) = db.execute(
            "SELECT coalesce(sum(bytes), 0) FROM messages WHERE receiver = ?", (self._receiver,)
        ).fetchone()
        excess = size - 1_000_000 * self._limits.megabytes
        if excess <= 0:
            return 0
        doomed: list[tuple[int]] = []
        rows = db.execute(
            "SELECT id, bytes FROM messages WHERE receiver = ? ORDER BY phase != 'updated', id",
            (self._receiver,),
        )
        while excess > 0 and (row := rows.fetchone()) is not None:
            doomed.append((row[0],))
            excess -= row[1]
        rows.close()
        db.executemany("DELETE FROM messages WHERE id = ?", doomed)
        self._note_dropped(db, self._receiver, len(doomed))
        return len(doomed)

    @staticmethod
    def _note_dropped(db: sqlite3.Connection, receiver: str, count: int) -> None:
        if count:
            db.execute(
                "INSERT INTO dropped VALUES (?, ?) ON CONFLICT (receiver) DO UPDATE SET count = count + ?",
                (receiver, count, count),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db, db:
            db.execute("BEGIN IMMEDIATE")
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connect()
        except (sqlite3.Error, OSError) as error:
            if _is_damage(error):  # the next use opens it anew, and looks closer
                self._disconnect()
            raise self._failed(error) from error

    def _connect(self) -> sqlite3.Connection:
        """The connection, to the file that is there now: another thread may have moved a damaged one aside."""
        if self._open is not None and self._inode != _inode(self._path):
            self._disconnect()
        if self._open is None:
            try:
                self._open = self._prepare()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error) or self._path.suffix not in _OUR_SUFFIXES:
                    raise
                self._move_aside()
                self._open = self._prepare()
            self._inode = _inode(self._path)
        return self._open

    def _disconnect(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
        self._open = None

    def _prepare(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(
                mode=0o600
            )  # it may hold pictures of people; the files beside it get the same mode
        except OSError as error:
            raise self._failed(error) from error
        db = sqlite3.connect(
            self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            self._set_up(db)
        except BaseException:
            db.close()
            raise
        return db

    def _set_up(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (owner,) = db.execute("PRAGMA application_id").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and owner != _APPLICATION:
            raise OutputError(
                f"{self._path} is a database of something else: name another file for the outbox"
            )
        if version > _VERSION:
            raise OutputError(
                f"the outbox {self._path} was made by a newer maskcam: update this one, or name another file"
            )
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
        if version < _VERSION:
            db.executescript(_SCHEMA)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute(f"PRAGMA synchronous = {'FULL' if self._is_durable else 'NORMAL'}")

    def _move_aside(self) -> None:
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}")
        self._path.replace(aside)
        for ending in ("-wal", "-shm"):  # they belong to the damaged file and would damage the new one
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._tell(f"the outbox {self._path} was damaged: it begins anew, and what was there is now {aside}")

    def _failed(self, error: Exception) -> OutputError:
        if isinstance(error, OutputError):
            return error
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return OutputError(
            f"cannot use the outbox {self._path} ({reason}): make room or set [outbox] path to a place that"
            " can be written"
        )


def _message(row: tuple[int, str, str, str, str, float, int, bytes]) -> Message:
    number, key, camera, phase, identity, created_seconds, is_held, body = row
    return Message(
        key=key,
        camera=camera,
        phase=phase,
        identity=identity,
        body=body,
        created_seconds=created_seconds,
        is_held=bool(is_held),
        number=number,
    )


def _is_damage(error: Exception) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and any(words in str(error) for words in _DAMAGED)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
