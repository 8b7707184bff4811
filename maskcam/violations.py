"""Steady statuses over time to violations: one per person, not one per frame."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from maskcam.types import Frame, Track, Violation, ViolationPhase
from maskcam.violation_people import Person, ViolationOptions
from maskcam.whereabouts import who_is_back

__all__ = ["ViolationLog", "ViolationOptions", "safe_file_name"]

_WATCH_SECONDS = 0.3
"""For how long a newcomer is watched before it is said who it is: enough to tell the pace."""


class ViolationLog:
    """Follows the people of one camera.

    A track for which no mask is required, by its place or by the hour, complies, whatever its face shows: it starts
    no violation, and the one it had ends once it has been so for `comply_seconds`, at the time it left the place or
    the hours ended. Coming back bare within the cool-down goes on with the same violation.

    A track that appears where another was lost, within the cool-down, is the same person, and goes on with what that
    one had; see `maskcam.whereabouts` for when it is not.

    Args:
        camera: its name.
        options: see there.
    """

    def __init__(self, camera: str, options: ViolationOptions) -> None:
        self._camera = camera
        self._options = options
        self._people: dict[int, Person] = {}
        """By track, those not seen for a while included."""
        self._before = -math.inf
        """Time of the last frame."""
        self._count = 0

    def update(self, frame: Frame, tracks: Sequence[Track]) -> tuple[Violation, ...]:
        """Takes the tracks of the next frame.

        Returns:
            The violations that started, changed or ended with this frame.
        """
        now = frame.pts_seconds
        # a long step back in time is a file that starts over: everybody has left
        changed = list(self.finish()) if now < self._before - self._options.lost_seconds else []
        for track in tracks:
            person = self._people.setdefault(track.track_id, Person(self._options, now, now))
            person.note(track, now)
        self._join({track.track_id for track in tracks}, frame)
        for track in tracks:
            person = self._people[track.track_id]
            changed += person.see(track, frame, before=self._before, start=self._start)
        changed += self._leave(now)
        self._before = now
        return tuple(changed)

    def interrupt(self) -> tuple[Violation, ...]:
        """Ends what is going on, at the time each person was last seen: the camera gives no picture for a while.

        Whoever is back within the cool-down goes on with the same violation.
        """
        return tuple(ended for person in self._people.values() for ended in person.leave())

    def finish(self) -> tuple[Violation, ...]:
        """Ends what is going on, likewise, and forgets everybody: the recording is over."""
        ended = self.interrupt()
        self._people.clear()
        return ended

    def _join(self, present: Collection[int], frame: Frame) -> None:
        """Gives newcomers the past of those who were lost where they have appeared."""
        new = [track_id for track_id, person in self._people.items() if person.is_new]
        lost = [
            track_id
            for track_id, person in self._people.items()
            if not person.is_new and track_id not in present
        ]
        due = {track_id for track_id in new if self._is_due(track_id, present, frame.pts_seconds)}
        if not due:
            return
        pairs = who_is_back(
            [self._people[track_id].whereabouts for track_id in lost],
            [self._people[track_id].whereabouts for track_id in new],
            size_wh=frame.size_wh,
            walk_seconds=self._options.lost_seconds,
        )
        for track_id in due:
            self._people[track_id].is_new = False
        for number, face in pairs:
            if new[face] in due:
                person = self._people.pop(lost[number])
                person.go_on_as(self._people[new[face]], track_id=new[face])
                self._people[new[face]] = person

    def _is_due(self, track_id: int, present: Collection[int], now: float) -> bool:
        """Whether it is time to say if that newcomer is somebody known: before anything can come of what they do."""
        watch_seconds = min(_WATCH_SECONDS, self._options.dwell_seconds, self._options.comply_seconds)
        return track_id not in present or now - self._people[track_id].first_seen >= watch_seconds

    def _start(self, track: Track, since: float) -> Violation:
        self._count += 1
        return Violation(
            violation_id=self._count,
            phase=ViolationPhase.STARTED,
            camera=self._camera,
            track_id=track.track_id,
            status=track.status,
            started_seconds=since,
            ended_seconds=None,
            box_xyxy=track.box_xyxy,
            snapshot=f"{safe_file_name(self._camera)}_{self._count:05d}",
        )

    def _leave(self, now: float) -> list[Violation]:
        ended: list[Violation] = []
        lost_seconds = self._options.lost_seconds
        if any(person.is_new for person in self._people.values()):
            lost_seconds += _WATCH_SECONDS  # one of them may be back in time
        for track_id, person in list(self._people.items()):
            hidden_seconds = now - person.last_seen
            if hidden_seconds > lost_seconds:
                ended += person.leave()
            if hidden_seconds > max(lost_seconds, self._options.cooldown_seconds + _WATCH_SECONDS):
                del self._people[track_id]
        return ended


def safe_file_name(text: str) -> str:
    """Letters, digits, dash and underscore only; anything else becomes an underscore."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "camera"
