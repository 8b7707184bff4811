"""Inputs on shared disks, or wherever fsspec reaches: listed once, and fetched by whoever works on them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from maskcam.cluster.files import is_url, open_url, told_faults
from maskcam.errors import SourceError, SourceNotFoundError
from maskcam.sources.media import expand_inputs, is_media, natural_order
from maskcam.sources.urls import mask_password

_STALE_SECONDS = 24 * 3600.0
"""What was fetched and not used for so long is removed: whoever fetched it was killed."""


class Inputs:
    """Lists what inputs stand for; what is behind addresses gets a place on this machine's disk, and is fetched later.

    Attributes:
        origins: the address behind each such place.
    """

    def __init__(self) -> None:
        self.origins: dict[Path, str] = {}

    def expand(self, spec: str) -> list[Path]:
        """As `maskcam.sources.expand_inputs`, of addresses, too.

        Raises:
            MaskcamError: see there; also, the address cannot be listed.
        """
        if not is_url(spec):
            return [path.absolute() for path in expand_inputs(spec)]
        fs, path = open_url(spec)
        shown = mask_password(spec)
        with told_faults(SourceError, f"{shown} cannot be listed"):
            if fs.isdir(path):
                found = [entry["name"] for entry in fs.ls(path, detail=True) if entry["type"] == "file"]
            elif fs.exists(path):
                return [self._place(fs.unstrip_protocol(path))]
            else:
                found = list(fs.glob(path))
        media = sorted((name for name in found if is_media(Path(name))), key=natural_order)
        if not media:
            raise SourceNotFoundError(f"There is no picture and no video at {shown}: check the address.")
        return [self._place(fs.unstrip_protocol(name)) for name in media]

    def _place(self, url: str) -> Path:
        place = _place_of(url) / url.rpartition("/")[2]
        self.origins[place] = url
        return place


def identity(file: str) -> str:
    """Changes whenever the content of a file does, as far as its storage tells.

    Args:
        file: a path or an address.

    Raises:
        SourceError: it cannot be asked.
    """
    with told_faults(SourceError, f"{mask_password(file)} cannot be read"):
        if not is_url(file):
            status = Path(file).stat()
            return f"{file} {status.st_size} {status.st_mtime_ns}"
        fs, path = open_url(file)
        return f"{file} {fs.ukey(path)}"


def fetch(file: str) -> Path:
    """A file on this machine with the content of `file`; fetched once, however many tasks here need it.

    Args:
        file: a path, which is returned as it is, or an address.

    Raises:
        SourceError: it cannot be fetched.
    """
    if not is_url(file):
        return Path(file)
    folder = _place_of(identity(file))
    target = folder / file.rpartition("/")[2]
    with told_faults(SourceError, f"{mask_password(file)} cannot be fetched"):
        if target.exists():
            os.utime(folder)
            return target
        _remove_stale(_cache())
        fs, path = open_url(file)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as mine:
            fs.get_file(path, str(Path(mine, "file")))
            Path(mine, "file").replace(target)  # another task here may have been quicker: it is the same
    return target


def forget(file: str) -> None:
    """Removes from this machine what `fetch` has fetched."""
    if is_url(file):
        shutil.rmtree(_place_of(identity(file)), ignore_errors=True)


def _place_of(text: str) -> Path:
    return _cache() / sha256(text.encode()).hexdigest()[:16]


def _cache() -> Path:
    """Where this node keeps what it fetches, readable by nobody else."""
    folder = Path(tempfile.gettempdir()) / f"maskcam-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _remove_stale(cache: Path) -> None:
    for folder in cache.iterdir():
        if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
