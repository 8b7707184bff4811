"""Counts people per camera and minute."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from maskcam.sinks.violation_records import storable
from maskcam.sinks.walltime import wall_seconds
from maskcam.store.records import MinuteCounts
from maskcam.types import FrameResult, MaskStatus

_REPORT_SECONDS = 1.0
_MINUTES_KEPT = 2  # a clock that is put back a little may return to the one before


@dataclass(slots=True)
class _Minute:
    """People of one minute by track, with their last status in it."""

    people: dict[int, MaskStatus] = field(default_factory=dict)
    has_changed: bool = False


@dataclass(slots=True)
class _Camera:
    run_id: str
    minutes: dict[int, _Minute] = field(default_factory=dict)
    reported_at: float = 0.0


class MinuteCounter:
    """Counts each track once a minute, by its last status in it; those only for whom masks are required.

    Counts of a minute are reported again and again, so that a crash loses a second of them, no more.

    Args:
        run_id: of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._cameras: dict[str, _Camera] = {}

    def add(self, result: FrameResult) -> Iterator[MinuteCounts]:
        """Takes the people of one frame; gives what is due to be reported, at most once a second."""
        name = result.frame.camera
        camera = self._cameras.get(name)
        if camera is None:
            camera = self._cameras[name] = _Camera(self._run_id)
        present = wall_seconds(result.frame, result.frame.pts_seconds)
        required = [track for track in result.tracks if track.is_required]
        if required:
            yield from self._turn(name, camera, int(present // 60))
            minute = camera.minutes[int(present // 60)]
            for track in required:
                if minute.people.get(track.track_id) is not track.status:
                    minute.people[track.track_id] = track.status
                    minute.has_changed = True
        # a clock that was put back must not keep it from being reported
        if abs(present - camera.reported_at) >= _REPORT_SECONDS:
            camera.reported_at = present
            yield from _changed(name, camera)

    def rest(self) -> Iterator[MinuteCounts]:
        """What has not been reported yet."""
        for name, camera in self._cameras.items():
            yield from _changed(name, camera)

    def _turn(self, name: str, camera: _Camera, number: int) -> Iterator[MinuteCounts]:
        if number in camera.minutes:
            return
        yield from _changed(name, camera)
        if camera.minutes and number < min(camera.minutes):
            # the clock was put back to minutes that were counted already: they get a row more, instead of losing theirs
            camera.run_id = uuid.uuid4().hex
            camera.minutes.clear()
        camera.minutes[number] = _Minute()
        for old in sorted(camera.minutes)[:-_MINUTES_KEPT]:
            del camera.minutes[old]


def _changed(name: str, camera: _Camera) -> Iterator[MinuteCounts]:
    for number, minute in camera.minutes.items():
        if not minute.has_changed:
            continue
        minute.has_changed = False
        count = Counter(minute.people.values())
        yield MinuteCounts(
            run_id=camera.run_id,
            camera=storable(name),
            minute=datetime.fromtimestamp(60 * number, UTC),
            people=len(minute.people),
            masked=count[MaskStatus.MASK],
            bare=count[MaskStatus.NO_MASK],
            incorrect=count[MaskStatus.INCORRECT],
            unsure=count[MaskStatus.UNSURE],
        )
