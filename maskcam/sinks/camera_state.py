"""How things stand at each camera right now, for receivers that want to know the present rather than the past."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from maskcam.types import FrameResult, MaskStatus, Violation, ViolationPhase

_BLIND_SECONDS = 10.0
"""A camera without a frame for longer is blind: nobody knows who is there."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last frame of a camera showed."""

    people: dict[str, int]
    ongoing: tuple[dict[str, Any], ...]
    off_duty: bool
    seen_seconds: float


class StateBoard:
    """The latest state of each camera: one thread writes to it, another reads it.

    Args:
        cameras: names, so that they are known before their first frame.
        clock: as `time.monotonic`.
    """

    def __init__(self, cameras: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ongoing: dict[str, dict[int, dict[str, Any]]] = {}
        nobody = _Seen(_count([]), (), off_duty=False, seen_seconds=-math.inf)
        # whole values are exchanged, never changed, so that the reader sees one frame's state or the next one's
        self._seen = dict.fromkeys(cameras, nobody)

    def see(self, result: FrameResult, entries: Sequence[tuple[Violation, dict[str, Any]]]) -> None:
        """Takes the next frame.

        Args:
            result: of the frame.
            entries: its violations, each with what the state says of it while it goes on.
        """
        camera = result.frame.camera
        self._note(camera, entries)
        self._seen[camera] = _Seen(
            _count([track.status for track in result.tracks if track.is_required]),
            tuple(self._ongoing.get(camera, {}).values()),
            off_duty=result.off_duty,
            seen_seconds=self._clock(),
        )

    def end(self, violations: Sequence[Violation]) -> None:
        """Takes violations that ended with their source: nobody is seen any more."""
        for violation in violations:
            self._note(violation.camera, [(violation, {})])
            ongoing = tuple(self._ongoing.get(violation.camera, {}).values())
            self._seen[violation.camera] = _Seen(
                _count([]), ongoing, off_duty=False, seen_seconds=self._clock()
            )

    def states(self) -> dict[str, dict[str, Any]]:
        """What is to be said of each camera, without the time."""
        now = self._clock()
        return {camera: _content(camera, seen, now) for camera, seen in list(self._seen.items())}

    def _note(self, camera: str, entries: Sequence[tuple[Violation, dict[str, Any]]]) -> None:
        for violation, entry in entries:
            if violation.phase is ViolationPhase.ENDED:
                self._ongoing.get(camera, {}).pop(violation.violation_id, None)
            else:
                self._ongoing.setdefault(camera, {})[violation.violation_id] = entry


def _count(statuses: Sequence[MaskStatus]) -> dict[str, int]:
    counts = Counter(statuses)
    return {status.value: counts[status] for status in MaskStatus}


def _content(camera: str, seen: _Seen, now: float) -> dict[str, Any]:
    is_live = now - seen.seen_seconds < _BLIND_SECONDS
    return {
        "type": "state",
        "version": 1,
        "camera": camera,
        "live": is_live,
        "off_duty": seen.off_duty,
        "people": seen.people if is_live else _count([]),
        "violations": len(seen.ongoing),
        "ongoing": list(seen.ongoing),
    }
