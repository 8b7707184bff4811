"""Steady statuses over time to violations: one per person, not one per frame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from maskcam.types import Frame, MaskStatus, Track, Violation, ViolationPhase


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config reads the defaults off the class
class ViolationOptions:
    """When something is a violation.

    Attributes:
        dwell_seconds: a person must break the rule that long, steadily, before it is logged.
        comply_seconds: and keep it that long before the violation is over; a hand before the face ends nothing.
        lost_seconds: a person who is not seen for longer has left, which ends the violation.
        cooldown_seconds: a person who breaks the rule again within this time of complying goes on with the same
            violation instead of starting another.
        better_view: how many times better a view must be to replace the snapshot.
    """

    dwell_seconds: float = 1.0
    comply_seconds: float = 1.0
    lost_seconds: float = 2.0
    cooldown_seconds: float = 10.0
    better_view: float = 1.25


@dataclass(slots=True)
class _Person:
    """What is remembered of one track."""

    last_seen: float
    breaking_since: float | None = None
    complying_since: float | None = None
    violation: Violation | None = None
    ended_at: float | None = None
    best_view: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.violation is not None and self.ended_at is None


class ViolationLog:
    """Follows the people of one camera.

    A track for which no mask is required, by its place or by the hour, complies, whatever its face shows: it starts
    no violation, and the one it had ends once it has been so for `comply_seconds`, at the time it left the place or
    the hours ended. Coming back bare within the cool-down goes on with the same violation.

    Args:
        camera: its name.
        options: see there.
    """

    def __init__(self, camera: str, options: ViolationOptions) -> None:
        self._camera = camera
        self._options = options
        self._people: dict[int, _Person] = {}
        self._count = 0

    def update(self, frame: Frame, tracks: Sequence[Track]) -> tuple[Violation, ...]:
        """Takes the tracks of the next frame.

        Returns:
            The violations that started, changed or ended with this frame.
        """
        now = frame.pts_seconds
        changed: list[Violation] = []
        for track in tracks:
            person = self._people.setdefault(track.track_id, _Person(last_seen=now))
            person.last_seen = now
            if not track.is_required:
                changed += self._complies(person, now)
            elif track.status.is_violation:
                changed += self._breaks(person, track, frame)
            elif track.status is MaskStatus.MASK:
                changed += self._complies(person, now)
        changed += self._leave(now)
        return tuple(changed)

    def finish(self) -> tuple[Violation, ...]:
        """Ends what is still going on, at the time each person was last seen: the recording is over."""
        ended = [self._end(person, person.last_seen) for person in self._people.values() if person.is_open]
        self._people.clear()
        return tuple(ended)

    def _breaks(self, person: _Person, track: Track, frame: Frame) -> Iterator[Violation]:
        now = frame.pts_seconds
        person.complying_since = None
        if person.breaking_since is None:
            person.breaking_since = now
        view = view_quality(track, frame)
        if person.is_open:
            assert person.violation is not None
            better = view >= person.best_view * self._options.better_view
            if not better and track.status is person.violation.status:
                return
            person.violation = replace(person.violation, phase=ViolationPhase.UPDATED, status=track.status)
        elif now - person.breaking_since < self._options.dwell_seconds:
            return
        elif person.ended_at is not None and now - person.ended_at <= self._options.cooldown_seconds:
            assert person.violation is not None
            better = view >= person.best_view * self._options.better_view
            person.violation = replace(
                person.violation, phase=ViolationPhase.UPDATED, status=track.status, ended_seconds=None
            )
        else:
            better = True
            person.violation = self._start(track, person.breaking_since)
        if better:
            person.best_view = view
            person.violation = replace(person.violation, box_xyxy=track.box_xyxy)
        person.ended_at = None
        yield replace(person.violation, is_best_view=better)

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

    def _complies(self, person: _Person, now: float) -> Iterator[Violation]:
        person.breaking_since = None
        if person.complying_since is None:
            person.complying_since = now
        if person.is_open and now - person.complying_since >= self._options.comply_seconds:
            yield self._end(person, person.complying_since)

    def _leave(self, now: float) -> Iterator[Violation]:
        for track_id, person in list(self._people.items()):
            # a step back in time is a file that starts over: everybody has left
            if 0 <= now - person.last_seen <= self._options.lost_seconds:
                continue
            del self._people[track_id]
            if person.is_open:
                yield self._end(person, person.last_seen)

    @staticmethod
    def _end(person: _Person, seconds: float) -> Violation:
        assert person.violation is not None
        person.ended_at = seconds
        person.violation = replace(person.violation, phase=ViolationPhase.ENDED, ended_seconds=seconds)
        return person.violation


def view_quality(track: Track, frame: Frame) -> float:
    """How well a face can be recognised on a snapshot; higher is better, without unit.

    The face's area in pixels, times the detector's score, and a quarter of it for a face cut by the picture's edge.
    """
    x1, y1, x2, y2 = track.box_xyxy
    width, height = frame.size_wh
    cut = x1 <= 1 or y1 <= 1 or x2 >= width - 1 or y2 >= height - 1
    return float((x2 - x1) * (y2 - y1)) * track.score * (0.25 if cut else 1.0)


def safe_file_name(text: str) -> str:
    """Letters, digits, dash and underscore only; anything else becomes an underscore."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "camera"
