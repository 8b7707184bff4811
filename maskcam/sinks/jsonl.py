"""Logs violations: one JSON object per line."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from maskcam.errors import OutputError
from maskcam.sinks.base import Sink
from maskcam.sinks.files import make_folder, reason
from maskcam.types import FrameResult, Image, Transition, Violation


class JsonlSink(Sink):
    """Writes one line whenever a violation starts, changes or ends, and flushes it at once.

    The line of an end tells in `transitions` which statuses the person had, and for how many seconds each; null for the
    mask that was put on and is still worn.

    Args:
        path: the log; its folder is made when missing.
        snapshots: the folder of the `SnapshotSink`, so that every line can name its picture, relative to the
            log's folder; None writes null.
        clips: the folder of the `ClipSink`, likewise: a clip is there some seconds after the end.
        stamped: adds `logged_at` to every line, the time of day with its zone: for cameras, whose own clocks
            say little.

    Raises:
        OutputError: the log cannot be opened.
    """

    def __init__(
        self, path: Path, *, snapshots: Path | None = None, clips: Path | None = None, stamped: bool = False
    ) -> None:
        make_folder(path.parent)
        self._path = path
        self._snapshots = snapshots
        self._clips = clips
        self._stamped = stamped
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error

    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  # text only
        """Writes a line per violation of this result, none when there is none."""
        self._log([self._event(violation, result.frame.pts_seconds) for violation in result.violations])

    def finish(self, violations: Sequence[Violation]) -> None:
        """Writes a line per violation that ended with its source; `pts_seconds` is when it ended."""
        self._log([self._event(v, v.ended_seconds or v.started_seconds) for v in violations])

    def close(self) -> None:
        """Closes the log."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def _log(self, events: Sequence[dict[str, object]]) -> None:
        if not events:
            return
        try:
            self._file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _event(self, violation: Violation, pts_seconds: float) -> dict[str, object]:
        ended = violation.ended_seconds
        event: dict[str, object] = {
            "event": violation.phase.value,
            "camera": violation.camera,
            "violation_id": violation.violation_id,
            "track_id": violation.track_id,
            "status": violation.status.value,
            "started_seconds": round(violation.started_seconds, 3),
            "ended_seconds": None if ended is None else round(ended, 3),
            "box_xyxy": [round(float(v), 1) for v in violation.box_xyxy],
            "snapshot": self._relative(self._snapshots, f"{violation.snapshot}.jpg"),
            "clip": self._relative(self._clips, f"{violation.snapshot}.mp4"),
            "pts_seconds": round(pts_seconds, 3),
        }
        if ended is not None:
            event["transitions"] = [_course(transition) for transition in violation.transitions]
        if self._stamped:
            event["logged_at"] = datetime.now().astimezone().isoformat(timespec="seconds")
        return event

    def _relative(self, folder: Path | None, name: str) -> str | None:
        if folder is None:
            return None
        return Path(os.path.relpath(folder / name, self._path.parent)).as_posix()

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write the log {self._path}: {reason(error)}")


def _course(transition: Transition) -> dict[str, object]:
    start, end = transition.started_seconds, transition.ended_seconds
    return {
        "status": transition.status.value,
        "started_seconds": round(start, 3),
        "seconds": None if end is None else round(end - start, 3),
    }
