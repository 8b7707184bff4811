"""Keeps a clip of every violation in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskcam.sinks.base import Sink
from maskcam.sinks.clip_file import write_clip
from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.clip_saver import ClipSaver
from maskcam.sinks.files import make_folder
from maskcam.store.media import write_whole
from maskcam.types import EncodedPicture, FrameResult, Image, Violation


class ClipSink(Sink):
    """Writes `FOLDER/<snapshot>.mp4` some seconds after each violation has ended.

    A clip that cannot be written is missing, with a warning; nothing else stops for it.

    Args:
        folder: made when missing.
        options: what belongs to a clip.
        reserve_bytes: none are saved while less is free.

    Raises:
        OutputError: the folder cannot be made or written in.
    """

    def __init__(self, folder: Path, options: ClipOptions, *, reserve_bytes: int) -> None:
        make_folder(folder)
        self._folder = folder
        self._saver = ClipSaver(options, folder=folder, save=self._save, reserve_bytes=reserve_bytes)

    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  nothing is drawn upon
        """Takes what the camera has encoded, or the frame to be encoded."""
        self._saver.see(result)

    def finish(self, violations: Sequence[Violation]) -> None:
        """Writes the clips of these."""
        self._saver.finish(violations)

    def close(self) -> None:
        """Writes what there is of every clip."""
        self._saver.close()

    def _save(self, violation: Violation, pictures: Sequence[EncodedPicture]) -> None:
        path = self._folder / f"{violation.snapshot}.mp4"
        write_whole(path, lambda partial: write_clip(pictures, partial))
