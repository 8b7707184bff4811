"""Clips of violations from the frames to files, off the video path, as long as there is room."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import av

from maskcam.closing import Closing
from maskcam.sinks.clip_file import playable
from maskcam.sinks.clip_recorder import Clip, ClipOptions, ClipRecorder
from maskcam.sinks.room import Room
from maskcam.types import EncodedPicture, FrameResult, Violation
from maskcam.workers import Worker

_log = logging.getLogger(__name__)

_WAITING_BYTES = 256 * 2**20
"""Of clips on their way to the disk; those that come while there are more are lost."""
_CLOSING_SECONDS = 10.0

Save = Callable[[Violation, Sequence[EncodedPicture]], None]
"""Writes a file with these pictures; OSError or av.FFmpegError says that it could not."""


class ClipSaver(Closing):
    """Records a clip of every violation, and has it saved in one thread more, so that a slow disk costs no pictures.

    Args:
        options: see there.
        folder: where files are saved; exists.
        save: called for one clip after the other.
        reserve_bytes: no clips are saved while less is free on their disk.
        is_patient: see `ClipRecorder`.
    """

    def __init__(
        self,
        options: ClipOptions,
        *,
        folder: Path,
        save: Save,
        reserve_bytes: int,
        is_patient: bool = False,
    ) -> None:
        self._save = save
        self._room = Room(folder, what="clips", reserve_bytes=reserve_bytes)
        self._submitted_bytes = self._done_bytes = 0  # each is changed by one thread only
        self._is_crowded = self._is_broken = False
        self._worker: Worker[Clip] = Worker(self._write, name="saving clips", most=1, gather_seconds=0.0)
        self._recorder = ClipRecorder(options, deliver=self._submit, is_patient=is_patient)

    def see(self, result: FrameResult) -> None:
        """Takes the next result of a camera; never waits, unless it is patient."""
        self._recorder.see(result)

    def finish(self, violations: Sequence[Violation]) -> None:
        """Takes the violations that ended with their source."""
        self._recorder.finish(violations)

    def close(self) -> None:
        """Saves what there is of every clip."""
        self._recorder.close()
        self._worker.flush(seconds=_CLOSING_SECONDS)
        self._worker.close()

    def _submit(self, clip: Clip) -> None:
        size_bytes = clip.size_bytes
        if self._room.is_paused:
            return
        if self._submitted_bytes - self._done_bytes + size_bytes > _WAITING_BYTES:
            if not self._is_crowded:  # once: it may come and go many times a minute
                _log.warning("clips come faster than they can be saved: some violations are logged without")
            self._is_crowded = True
            return
        self._submitted_bytes += size_bytes
        self._worker.submit(clip)

    def _write(self, clips: Sequence[Clip]) -> None:
        for clip in clips:
            try:
                if not self._room.is_paused:
                    self._room.check()
                    self._save(clip.violation, playable(clip.pictures))
                    self._room.succeed()
            except OSError as error:
                self._room.fail(error)
            except av.FFmpegError as error:
                if not self._is_broken:
                    _log.warning("a clip of %s cannot be written (%s)", clip.violation.camera, error.strerror)
                self._is_broken = True
            finally:
                self._done_bytes += clip.size_bytes
