"""The folder with the pictures and clips of violations, which belongs to one store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from maskcam.errors import OutputError, StoreError
from maskcam.store.records import MediaFile, Pictures

_MARK = "store.id"
_OURS = re.compile(r"\.?[^/]*_(?P<run>[0-9a-f]{12})_\d+((_face)?\.jpg|\.mp4)(\.partial)?")
"""Files that may be swept; whatever else somebody keeps in the folder is none of our business."""


class MediaFolder:
    """Pictures, in a folder for each day.

    Every better view gets names of its own, so that a row in the database always means the files that it was written
    with; those that it meant before are removed after it was committed.

    Args:
        folder: may be missing until something is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self, store_id: str) -> None:
        """Makes the folder and marks it as this store's: another store would sweep its pictures as orphans.

        Raises:
            OutputError: it cannot be made or written in.
            StoreError: it is another store's.
        """
        mark = self.folder / _MARK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                _write(mark, store_id.encode(), is_lasting=True)
            owner = mark.read_text(encoding="utf-8").strip()
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            raise OutputError(
                f"cannot write in the folder for pictures {self.folder} ({words}): choose another"
            ) from error
        if owner != store_id:
            raise StoreError(
                f"the folder for pictures {self.folder} belongs to another event store: choose another folder"
            )

    def path(self, name: str) -> Path:
        """Where a picture is, by its name in a row.

        Raises:
            ValueError: it would be outside the folder.
        """
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"a picture lies below {self.folder}, not at {name!r}")
        return path

    def save(
        self,
        *,
        frame: bytes,
        face: bytes,
        stem: str,
        run_id: str,
        serial: int,
        day: datetime,
        is_lasting: bool = True,
    ) -> Pictures:
        """Writes both pictures; they are there, whole, when it returns.

        Args:
            frame: JPEG of the annotated frame.
            face: JPEG of the face.
            stem: for people; safe as a file name.
            run_id: of the run.
            serial: different for every call of a run.
            day: names the sub-folder.
            is_lasting: waits until they would outlast a power cut, which takes some milliseconds.

        Raises:
            OSError: they cannot be written; nothing of them is left.
        """
        folder = f"{day:%Y-%m-%d}"
        name = f"{folder}/{stem}_{run_id[:12]}_{serial}"
        pictures = Pictures(f"{name}.jpg", f"{name}_face.jpg", len(frame) + len(face))
        (self.folder / folder).mkdir(parents=True, exist_ok=True)
        try:
            _write(self.folder / pictures.frame, frame, is_lasting=is_lasting)
            _write(self.folder / pictures.face, face, is_lasting=is_lasting)
        except OSError:
            self.remove([pictures])
            raise
        return pictures

    def save_clip(
        self, write: Callable[[Path], object], *, stem: str, run_id: str, serial: int, day: datetime
    ) -> str:
        """Has a clip written; it is there, whole, and outlasts a power cut when this returns.

        Args:
            write: writes the MP4 at the path that it is given.
            stem: for people; safe as a file name.
            run_id: of the run.
            serial: different for every clip of a run.
            day: names the sub-folder.

        Returns:
            Its name.

        Raises:
            OSError: it cannot be written; nothing of it is left. Likewise whatever `write` raises.
        """
        name = f"{day:%Y-%m-%d}/{stem}_{run_id[:12]}_{serial}.mp4"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, write)
        return name

    def remove(self, files: Iterable[MediaFile]) -> None:
        """Removes files, and folders that are empty then; what is gone already, or will not go, is left to `sweep`."""
        folders = set()
        for file in files:
            for name in file.names:
                path = self.path(name)
                folders.add(path.parent)
                with suppress(OSError):
                    path.unlink()
        for folder in folders - {self.folder}:
            with suppress(OSError):
                folder.rmdir()

    def sweep(self, *, is_running: Callable[[str], bool], referenced: Callable[[], Iterable[str]]) -> int:
        """Removes files of runs that ended badly, which no row means.

        Args:
            is_running: whether the run with these first twelve characters still goes on: its latest pictures
                have no rows yet.
            referenced: the names that rows mean; asked only if there is anything to sweep.

        Returns:
            How many files were removed.
        """
        # in this order: a run that ends in between has committed its rows before they are looked up
        found = dict(self._files())
        dead = {run for run in set(found.values()) if not is_running(run)}
        candidates = {name for name, run in found.items() if run in dead}
        if not candidates:
            return 0
        candidates.difference_update(referenced())
        for name in candidates:
            with suppress(OSError):
                (self.folder / name).unlink()
        for folder in {(self.folder / name).parent for name in candidates} - {self.folder}:
            with suppress(OSError):
                folder.rmdir()
        return len(candidates)

    def _files(self) -> Iterator[tuple[str, str]]:
        """Names of our files with the run that each is of."""
        if not self.folder.is_dir():
            return
        for folder in [entry for entry in os.scandir(self.folder) if entry.is_dir(follow_symlinks=False)]:
            for entry in os.scandir(folder.path):
                if match := _OURS.fullmatch(entry.name):
                    yield f"{folder.name}/{entry.name}", match["run"]


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Has a file written beside its place, and puts it there once it is on disk.

    Raises:
        OSError: it cannot be written; nothing of it is left. Likewise whatever `write` raises.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _write(path: Path, data: bytes, *, is_lasting: bool) -> None:
    """All of it or nothing."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            if is_lasting:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
