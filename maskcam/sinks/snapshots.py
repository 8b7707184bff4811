"""Keeps a picture of every violation: the best view of that person so far."""

from __future__ import annotations

from pathlib import Path

from maskcam.sinks.base import Sink
from maskcam.sinks.faces import cut_face
from maskcam.sinks.files import make_folder, write_jpeg
from maskcam.types import FrameResult, Image


class SnapshotSink(Sink):
    """Writes two JPEGs per violation, and replaces them as better views come.

    `FOLDER/<snapshot>.jpg` is the annotated frame, `FOLDER/faces/<snapshot>.jpg` the face alone, as the
    camera gave it.

    Args:
        folder: made when missing.
        margin: part of the face's width and height kept around it on every side.
        quality: of the JPEGs, 1 to 100.

    Raises:
        OutputError: the folder cannot be made or written in.
    """

    def __init__(self, folder: Path, *, margin: float = 0.4, quality: int = 92) -> None:
        make_folder(folder / "faces")
        self._folder = folder
        self._margin = margin
        self._quality = quality

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Writes or replaces the two pictures of every violation that this frame shows best."""
        for violation in result.violations:
            if not violation.is_best_view:
                continue
            if picture is None:
                raise ValueError("SnapshotSink needs the picture of a violation's best view")
            name = f"{violation.snapshot}.jpg"
            face = cut_face(result.frame.image, violation.box_xyxy, margin=self._margin)
            write_jpeg(picture, self._folder / name, quality=self._quality)
            write_jpeg(face, self._folder / "faces" / name, quality=self._quality)

    def wants_picture(self, result: FrameResult) -> bool:
        """Only for a better view of a violation than any before."""
        return any(violation.is_best_view for violation in result.violations)
