"""Rows that the database cannot take at present, as JSON lines in a file beside it.

The file also tells that its run still goes on: the run holds a lock on it, which ends with the process, however that
ends.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from maskcam.closing import Closing
from maskcam.errors import OutputError
from maskcam.store.observations import HourHeat, TrackScores
from maskcam.store.records import ClipRecord, MinuteCounts, Row, ViolationRecord

_log = logging.getLogger(__name__)

_PREFIX, _SUFFIX = ".maskcam-run-", ".jsonl"
_PART = 500


class _Line(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    violation: ViolationRecord | None = None
    counts: MinuteCounts | None = None
    clip: ClipRecord | None = None
    track: TrackScores | None = None
    heat: HourHeat | None = None


class SpillFile(Closing):
    """The file of one run, empty as long as the database takes everything.

    Args:
        folder: exists.
        run_id: of the run.

    Raises:
        OutputError: the file cannot be made, or another process has the same run.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{_PREFIX}{run_id}{_SUFFIX}"
        try:
            self._file = _claim(self.path)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            raise OutputError(
                f"cannot write in {folder}, the folder of the event store ({words}): choose another"
            ) from error
        self._size = self._file.seek(0, os.SEEK_END)

    def append(self, rows: Iterable[Row]) -> None:
        """Adds rows; they are on disk when it returns.

        Raises:
            OSError: they are not.
        """
        data = b"".join(_encode(row) for row in rows)
        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._cut()  # what is there in part would spoil the line after it
            raise
        self._size += len(data)

    def read(self) -> Iterator[Row]:
        """The rows in the order in which they came."""
        with self.path.open("rb") as file:
            yield from _decode(file, self.path)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._size == 0

    def clear(self) -> None:
        """Forgets the rows: the database has them."""
        if self._size:
            self._size = 0
            self._cut()

    def close(self) -> None:
        """Releases the run; the file goes if nothing waits in it."""
        if self._file.closed:
            return
        if self.is_empty:
            with suppress(OSError):
                self.path.unlink()
        with suppress(OSError):  # a full disk: what could not be written is no part of the file
            self._file.close()

    def _cut(self) -> None:
        with suppress(OSError):
            os.ftruncate(self._file.fileno(), self._size)


class Leftovers:
    """Files of other runs in the same folder.

    Args:
        folder: may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_running(self, run_prefix: str) -> bool:
        """Whether a run whose id begins so still goes on."""
        for path in self._folder.glob(f"{_PREFIX}{run_prefix}*{_SUFFIX}"):
            with suppress(FileNotFoundError), path.open("rb") as file:
                if not _lock(file):
                    return True
        return False

    @property
    def are_waiting(self) -> bool:
        """Whether there are rows in any of them, those of runs that go on too."""
        for path in self._folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                if path.stat().st_size:
                    return True
        return False

    def take(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """Runs that ended badly, and the rows they left, in parts; a run that left none has one empty part.

        Each file is removed once all its parts were taken and the next one is asked for; whoever stops before has the
        same ones again the next time.
        """
        for path in sorted(self._folder.glob(f"{_PREFIX}*{_SUFFIX}")):
            run_id = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
            try:
                file = path.open("rb")
            except OSError:  # another process took it
                continue
            with file:
                if not _lock(file):
                    continue
                part: list[Row] = []
                for row in _decode(file, path):
                    part.append(row)
                    if len(part) == _PART:
                        yield run_id, part
                        part = []
                yield run_id, part
                with suppress(OSError):
                    path.unlink()


def _claim(path: Path) -> IO[bytes]:
    """Opens and locks the file of a run.

    Raises:
        OSError: it cannot be opened, or another process holds it.
    """
    for _ in range(20):
        file = path.open("a+b")
        # somebody who looks for leftovers may hold or remove it for a moment before it is locked
        if _lock(file):
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    return file
        file.close()
        time.sleep(0.05)
    raise OSError(errno.EBUSY, "another process has the same run")


def _encode(row: Row) -> bytes:
    match row:
        case MinuteCounts():
            line = _Line(counts=row)
        case ClipRecord():
            line = _Line(clip=row)
        case TrackScores():
            line = _Line(track=row)
        case HourHeat():
            line = _Line(heat=row)
        case _:
            line = _Line(violation=row)
    return line.model_dump_json().encode() + b"\n"


def _decode(file: IO[bytes], path: Path) -> Iterator[Row]:
    damaged = 0
    for text in file:
        try:
            line = _Line.model_validate_json(text)
        except ValidationError:  # the last one, cut short when the process was killed
            damaged += 1
            continue
        row = line.violation or line.counts or line.clip or line.track or line.heat
        if row is not None:
            yield row
    if damaged:
        _log.warning("%s: %d damaged lines were left out", path, damaged)


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
