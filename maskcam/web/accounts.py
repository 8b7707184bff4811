"""Users, sessions and API tokens, in a small file of their own.

Passwords are hashed with Argon2; sessions and tokens are random, and only their SHA-256 is kept: nobody can log in with
what stands in the file.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from maskcam.errors import InputError, OutputError
from maskcam.web.roles import Principal, Role

ADMIN = "admin"
"""The user whose password `[serve] password_hash` holds."""
TOKEN_PREFIX = "mc_"
SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 1000
_NAME = re.compile(r"[\w.@ -]{1,64}")
_MOST_SESSIONS = 20
"""Of one user; the oldest end first."""
_TABLES = """
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, password_hash TEXT NOT NULL, created_seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, csrf TEXT NOT NULL, is_linked INTEGER NOT NULL,
    expires_seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_seconds REAL NOT NULL, expires_seconds REAL);
"""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    name: str
    role: Role
    created_seconds: float


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a program logs in with; the secret itself is known to nobody but its owner.

    Attributes:
        created_seconds: since 1970.
        expires_seconds: likewise; None: never.
    """

    id: int
    name: str
    role: Role
    created_seconds: float
    expires_seconds: float | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Browsers in which somebody is logged in.

    Attributes:
        name: of the user.
        count: of browsers.
        expires_seconds: when the last of them has to log in again, since 1970.
    """

    name: str
    count: int
    expires_seconds: float


class Accounts:
    """Any number of threads and processes may use the same file.

    Args:
        path: made when missing, readable by its owner only.
        admin_hash: Argon2 hash of the password of the user `admin`, where the configuration holds one.

    Raises:
        OutputError: the file cannot be used.
    """

    def __init__(self, path: Path, *, admin_hash: str | None = None) -> None:
        self._path = path
        self._admin_hash = admin_hash
        self._hasher = PasswordHasher()
        # whoever asks for a user that is not there waits just as long
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            raise OutputError(
                f"cannot keep users in {path} ({words}): name another file as [serve] accounts"
            ) from error
        with self._database() as db:
            db.executescript(_TABLES)
            db.execute("DELETE FROM sessions WHERE is_linked OR expires_seconds < ?", (time.time(),))

    def has_password(self) -> bool:
        """Whether anybody can log in."""
        return self._admin_hash is not None or bool(self.users())

    def users(self) -> list[User]:
        """All, by name; the one of the configuration included."""
        with self._database() as db:
            rows = db.execute("SELECT name, role, created_seconds FROM users ORDER BY name").fetchall()
        users = [User(name, Role(role), created) for name, role, created in rows]
        if self._admin_hash is not None and all(user.name != ADMIN for user in users):
            users.insert(0, User(ADMIN, Role.ADMIN, 0.0))
        return users

    def set_password(self, name: str, password: str, *, role: Role) -> None:
        """Makes a user, or gives one another password and role; ends that user's sessions.

        Raises:
            InputError: the password is too short or too long, or the name is none.
        """
        if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            raise InputError(
                f"a password has {SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters, this one has {len(password)}"
            )
        if not _NAME.fullmatch(name):
            raise InputError(f"a user's name has 1 to 64 letters, digits or any of . @ _ -, got {name!r}")
        with self._database() as db:
            db.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " role = excluded.role, password_hash = excluded.password_hash",
                (name, role.value, self._hasher.hash(password), time.time()),
            )
            db.execute("DELETE FROM sessions WHERE name = ?", (name,))

    def remove_user(self, name: str) -> bool:
        """Removes a user with all sessions; whether there was one."""
        with self._database() as db:
            db.execute("DELETE FROM sessions WHERE name = ?", (name,))
            return db.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount > 0

    def check(self, name: str, password: str) -> Role | None:
        """The role of a user, if that is the password; takes a good part of a second, on purpose."""
        with self._database() as db:
            row = db.execute("SELECT role, password_hash FROM users WHERE name = ?", (name,)).fetchone()
        if row is None and name == ADMIN and self._admin_hash is not None:
            row = (Role.ADMIN.value, self._admin_hash)
        role, wanted = row or (None, self._nobody)
        try:
            self._hasher.verify(wanted, password[:_LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return None if role is None else Role(role)

    def begin_session(self, name: str, role: Role, *, hours: float, is_linked: bool = False) -> str:
        """Logs a browser in.

        Args:
            name: of the user.
            role: what may be done.
            hours: for how long.
            is_linked: by the link of a run, and so until the next one at most.

        Returns:
            What goes into its cookie.
        """
        secret = secrets.token_urlsafe(32)
        row = (
            _hash(secret),
            name,
            role.value,
            secrets.token_urlsafe(16),
            is_linked,
            time.time() + 3600 * hours,
        )
        with self._database() as db:
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM sessions WHERE expires_seconds < ? OR name = ? AND hash NOT IN (SELECT hash FROM sessions"
                " WHERE name = ? ORDER BY expires_seconds DESC LIMIT ?)",
                (time.time(), name, name, _MOST_SESSIONS),
            )
        return secret

    def session(self, secret: str) -> Principal | None:
        """Whose session that is."""
        with self._database() as db:
            row = db.execute(
                "SELECT name, role, csrf FROM sessions WHERE hash = ? AND expires_seconds > ?",
                (_hash(secret), time.time()),
            ).fetchone()
        return None if row is None else Principal(row[0], Role(row[1]), row[2])

    def end_session(self, secret: str) -> None:
        """Logs a browser out."""
        with self._database() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (_hash(secret),))

    def sessions(self) -> list[Sessions]:
        """Those that have not expired, by user."""
        with self._database() as db:
            rows = db.execute(
                "SELECT name, COUNT(*), MAX(expires_seconds) FROM sessions WHERE expires_seconds > ?"
                " GROUP BY name ORDER BY name",
                (time.time(),),
            ).fetchall()
        return [Sessions(*row) for row in rows]

    def end_sessions(self, name: str) -> int:
        """Logs a user out everywhere; of how many browsers."""
        with self._database() as db:
            return db.execute("DELETE FROM sessions WHERE name = ?", (name,)).rowcount

    def tokens(self) -> list[ApiToken]:
        """All, oldest first."""
        with self._database() as db:
            rows = db.execute(
                "SELECT id, name, role, created_seconds, expires_seconds FROM tokens ORDER BY id"
            ).fetchall()
        return [ApiToken(number, name, Role(role), *times) for number, name, role, *times in rows]

    def create_token(self, name: str, role: Role, *, days: float | None = None) -> tuple[ApiToken, str]:
        """A new token, and its secret, which cannot be read again.

        Args:
            name: for people.
            role: what may be done with it.
            days: for how long; None: until it is revoked.
        """
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = time.time()
        expires = None if days is None else now + 86400 * days
        with self._database() as db:
            cursor = db.execute(
                "INSERT INTO tokens (name, role, hash, created_seconds, expires_seconds) VALUES (?, ?, ?, ?, ?)",
                (name, role.value, _hash(secret), now, expires),
            )
            number = cursor.lastrowid
        assert number is not None
        return ApiToken(number, name, role, now, expires), secret

    def revoke_token(self, number: int) -> bool:
        """Makes a token worthless; whether there was one."""
        with self._database() as db:
            return db.execute("DELETE FROM tokens WHERE id = ?", (number,)).rowcount > 0

    def token(self, secret: str) -> Principal | None:
        """Whose token that is."""
        with self._database() as db:
            row = db.execute(
                "SELECT name, role FROM tokens WHERE hash = ?"
                " AND (expires_seconds IS NULL OR expires_seconds > ?)",
                (_hash(secret), time.time()),
            ).fetchone()
        return None if row is None else Principal(row[0], Role(row[1]))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction.

        Raises:
            OutputError: the file cannot be read or written.
        """
        try:
            with closing(sqlite3.connect(self._path, timeout=5.0)) as db, db:
                yield db
        except sqlite3.Error as error:
            raise OutputError(f"the file with users, {self._path}, cannot be used ({error})") from error


def _hash(secret: str) -> str:
    """No salt is needed, nor many rounds: what is hashed holds 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
