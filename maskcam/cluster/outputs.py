"""Outputs on shared disks, or wherever fsspec reaches."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maskcam.cluster.files import is_url, open_url, told_faults
from maskcam.errors import OutputError
from maskcam.sources.urls import mask_password

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class Folder:
    """A folder that every node writes in: a shared one, or behind an address. Files appear in it whole or not at all.

    Args:
        where: path or address.
    """

    def __init__(self, where: str) -> None:
        self.where = where.rstrip("/") if is_url(where) else str(Path(where).absolute())
        self.is_remote = is_url(where)

    def make(self) -> None:
        """Makes it where that is needed.

        Raises:
            OutputError: it cannot be made, or nothing can be written in it.
        """
        from maskcam.sinks.files import make_folder

        if self.is_remote:
            self.write(".parts/writable", b"")
            self.remove(".parts/writable")
        else:
            make_folder(Path(self.where))

    def exists(self, name: str) -> bool:
        """Whether there is something of that name in it."""
        with told_faults(OutputError, f"{self._shown(name)} cannot be read"):
            if not self.is_remote:
                return Path(self.where, name).exists()
            fs, path = self._open(name)
            return bool(fs.exists(path))

    def has(self, result: Path) -> bool:
        """Whether there still is what `publish` has named."""
        return self.exists(str(result))

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none.

        Raises:
            OutputError: it cannot be read.
        """
        with told_faults(OutputError, f"{self._shown(name)} cannot be read"):
            try:
                if not self.is_remote:
                    return Path(self.where, name).read_bytes()
                fs, path = self._open(name)
                return bytes(fs.cat_file(path))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Writes a file; whoever is killed meanwhile leaves none.

        Raises:
            OutputError: it cannot be written.
        """
        with told_faults(OutputError, f"{self._shown(name)} cannot be written"):
            if self.is_remote:
                fs, path = self._open(name)
                fs.pipe_file(path, data)
                return
            target = Path(self.where, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            partial.write_bytes(data)
            partial.replace(target)

    def remove(self, name: str) -> None:
        """Removes a file, or a folder with all that is in it, if it is there."""
        with told_faults(OutputError, f"{self._shown(name)} cannot be removed"):
            if self.is_remote:
                fs, path = self._open(name)
                if fs.exists(path):
                    fs.rm(path, recursive=True)
                return
            target = Path(self.where, name)
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """A folder of this machine to write results in: itself where it is one, else one that lasts for the block."""
        if not self.is_remote:
            yield Path(self.where)
            return
        with tempfile.TemporaryDirectory(prefix="maskcam-") as folder:
            yield Path(folder)

    def publish(self, results: Iterable[Path], workshop: Path) -> list[Path]:
        """Brings results to where they belong, and says what they are called: there, relative to this folder.

        Args:
            results: files and folders in the workshop; the workshop itself is all in it.
            workshop: of `workshop`.

        Raises:
            OutputError: they cannot be written.
        """
        if not self.is_remote:
            return list(results)
        published: list[Path] = []
        for result in results:
            name = result.relative_to(workshop)
            for file in sorted(result.rglob("*")) if result.is_dir() else [result]:
                if file.is_file():
                    target = file.relative_to(workshop).as_posix()
                    with told_faults(OutputError, f"{self._shown(target)} cannot be written"):
                        fs, path = self._open(target)
                        fs.put_file(str(file), path)
            published.append(name)
        return published

    def _open(self, name: str) -> tuple[AbstractFileSystem, str]:
        return open_url(f"{self.where}/{name}")

    def _shown(self, name: str) -> str:
        return f"{mask_password(self.where)}/{name}"
