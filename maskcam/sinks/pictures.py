"""Writes one annotated picture per frame: for stills."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from maskcam.sinks.base import Sink
from maskcam.sinks.files import make_folder, safe_name, write_jpeg
from maskcam.types import FrameResult, Image

_PICTURE_ENDINGS = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".gif",
    ".avif",
    ".jp2",
    ".ppm",
}


class PictureSink(Sink):
    """Writes `FOLDER/<camera>.jpg` per frame; further frames of the same name get -2, -3 and so on.

    Pictures of an earlier run are replaced.

    Args:
        folder: made when missing.
        quality: of the JPEGs, 1 to 100.

    Attributes:
        paths: the pictures written, in order.

    Raises:
        OutputError: the folder cannot be made or written in.
    """

    def __init__(self, folder: Path, *, quality: int = 92) -> None:
        make_folder(folder)
        self._folder = folder
        self._quality = quality
        self._taken: set[str] = set()
        self.paths: list[Path] = []

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Writes one JPEG."""
        if picture is None:
            raise ValueError("PictureSink needs the picture of every frame")
        path = self._folder / f"{self._free_name(result.frame.camera)}.jpg"
        write_jpeg(picture, path, quality=self._quality)
        self.paths.append(path)

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # every frame is alike
        """Always."""
        return True

    def _free_name(self, camera: str) -> str:
        path = PurePosixPath(camera)
        name = safe_name(path.stem if path.suffix.lower() in _PICTURE_ENDINGS else path.name)
        free, number = name, 1
        while free.casefold() in self._taken:  # some file systems do not tell cases apart
            number += 1
            free = f"{name}-{number}"
        self._taken.add(free.casefold())
        return free
