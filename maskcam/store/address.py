"""Where a store is: a file, or a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from maskcam.errors import InputError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store and its pictures are.

    Attributes:
        url: for SQLAlchemy; may hold a password.
        name: for people to read; holds none.
        file: of SQLite; None for PostgreSQL.
        media: folder of the pictures.
    """

    url: URL
    name: str
    file: Path | None
    media: Path

    @property
    def spill(self) -> Path:
        """Folder for rows that the database cannot take at present."""
        return self.media if self.file is None else self.file.parent


def parse_address(target: str | Path, *, media: Path | None = None) -> Address:
    """Reads what the user gave.

    Args:
        target: path of an SQLite file, `sqlite:///PATH`, or `postgresql://user:password@host/database`.
        media: folder of the pictures; None is `NAME.media` beside the file, and for PostgreSQL a folder of this
            user's data.

    Raises:
        InputError: it is neither.
    """
    if isinstance(target, Path) or "://" not in target:
        return _file(Path(target), media)
    scheme, _, rest = target.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2:
            raise InputError("an SQLite store is sqlite:///PATH, or just the path of its file")
        return _file(Path(rest[1:]), media)
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise InputError(
            f"an event store is a file or postgresql://user:password@host/database, got one that starts with {scheme}://"
        )
    try:
        url = make_url(target).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):  # its own words may quote the password
        raise InputError(
            "this address of a PostgreSQL store cannot be read: it must be postgresql://user:password@host/database,"
            " with special characters in the password percent-encoded"
        ) from None
    # only these parts: a password may also stand among the fields after a question mark
    host = f"{url.host or 'localhost'}:{url.port}" if url.port else url.host or "localhost"
    name = f"postgresql://{host}/{url.database or ''}"
    return Address(url, name, None, media or Path(platformdirs.user_data_path("maskcam")) / "media")


def _file(path: Path, media: Path | None) -> Address:
    if path.is_dir():
        raise InputError(f"an event store is a file, and {path} is a folder: add a name such as events.db")
    url = URL.create("sqlite", database=str(path))
    return Address(url, str(path), path, media or path.with_name(f"{path.stem}.media"))
