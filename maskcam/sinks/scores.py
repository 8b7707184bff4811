"""Takes down how surely each person broke the rule, so that other settings can be tried without video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from maskcam.sinks.violation_records import storable
from maskcam.sinks.walltime import wall_seconds
from maskcam.store.observations import (
    BARE,
    EXEMPT,
    INCORRECT,
    RUNS,
    STATUS_CODES,
    SURE_STEPS,
    UNSURE,
    TrackScores,
)
from maskcam.types import FrameResult, Track, Violation

LEAST_SURELY = 0.3
"""A stretch of which it could not be told counts as a possible violation from this probability on."""

_PIECE_SECONDS = 1.0
_SAME = 0.1
"""Pieces whose mean probabilities differ by no more are one run."""
_GAP_SECONDS = 1.0
_GONE_SECONDS = 10.0
"""Without the face, after which a track is written: its violation, if any, has ended by then."""
_MOST_RUNS = 1000
"""In one part of a track: 12 kB."""


@dataclass(slots=True)
class _Run:
    """One status, from one frame to another."""

    status: int
    first: float
    last: float
    count: int = 0
    surely: float = 0.0
    side: float = 0.0

    def add(self, surely: float, side: float, now: float) -> None:
        self.last = now
        self.count += 1
        self.surely += surely
        self.side += side

    @property
    def mean(self) -> float:
        return self.surely / self.count

    def takes(self, piece: _Run) -> bool:
        """Whether a piece that follows is more of the same; then it is a part of this run."""
        is_same = (
            piece.status == self.status
            and piece.first - self.last <= _GAP_SECONDS
            and abs(piece.mean - self.mean) <= _SAME
        )
        if is_same:
            self.last = piece.last
            self.count += piece.count
            self.surely += piece.surely
            self.side += piece.side
        return is_same


@dataclass(slots=True)
class _Person:
    """One track. Runs grow second by second: the piece is the present second."""

    started_seconds: float
    """Time of day of the first frame."""
    first: float
    piece: _Run
    runs: list[_Run] = field(default_factory=list)
    number: int | None = None

    def see(self, status: int, surely: float, side: float, now: float) -> None:
        piece = self.piece
        if status != piece.status or now - piece.first >= _PIECE_SECONDS or now - piece.last > _GAP_SECONDS:
            self.put_by()
            self.piece = _Run(status, now, now)
        self.piece.add(surely, side, now)

    def put_by(self) -> None:
        """The piece is over."""
        if self.piece.count and not (self.runs and self.runs[-1].takes(self.piece)):
            self.runs.append(self.piece)

    @property
    def may_break_the_rule(self) -> bool:
        return any(
            run.status in (BARE, INCORRECT) or (run.status == UNSURE and run.mean >= LEAST_SURELY)
            for run in self.runs
        )


class TrackScorer:
    """Follows the tracks of all cameras, and gives those that broke the rule, or might have, once they are over.

    Args:
        run_id: of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._cameras: dict[str, dict[int, _Person]] = {}
        self._tidied: dict[str, float] = {}

    def see(self, result: FrameResult) -> Iterator[TrackScores]:
        """Takes the people of one frame; gives those who have left."""
        camera, now = result.frame.camera, result.frame.pts_seconds
        people = self._cameras.setdefault(camera, {})
        for track in result.tracks:
            person = people.get(track.track_id)
            # a file that starts over, or a camera seen anew, may count its tracks from 1 again
            if person is not None and not 0 <= now - person.piece.last <= _GONE_SECONDS:
                yield from self._end(camera, track.track_id)
                person = None
            code = STATUS_CODES[track.status] if track.is_required else EXEMPT
            if person is None:
                person = people[track.track_id] = _Person(
                    wall_seconds(result.frame, now), now, _Run(code, now, now)
                )
            person.see(code, _surely(track), _side(track), now)
            if len(person.runs) >= _MOST_RUNS:
                yield from self._part(camera, track.track_id)
        self.note(result.violations)
        if abs(now - self._tidied.get(camera, now - _GONE_SECONDS)) >= _PIECE_SECONDS:
            self._tidied[camera] = now
            for track_id, person in list(people.items()):
                if not 0 <= now - person.piece.last <= _GONE_SECONDS:
                    yield from self._end(camera, track_id)

    def note(self, violations: Sequence[Violation]) -> None:
        """Takes note of whose track a violation is: tracks of the same one are of the same person."""
        for violation in violations:
            person = self._cameras.get(violation.camera, {}).get(violation.track_id)
            if person is not None:
                person.number = violation.violation_id

    def rest(self) -> Iterator[TrackScores]:
        """Everybody who has not left yet."""
        for camera, people in self._cameras.items():
            for track_id in list(people):
                yield from self._end(camera, track_id)

    def _end(self, camera: str, track_id: int) -> Iterator[TrackScores]:
        person = self._cameras[camera].pop(track_id)
        person.put_by()
        if person.may_break_the_rule:
            yield self._scores(camera, track_id, person)

    def _part(self, camera: str, track_id: int) -> Iterator[TrackScores]:
        """Gives what there is of a track that goes on."""
        person = self._cameras[camera][track_id]
        number = person.number
        if person.may_break_the_rule:
            yield self._scores(camera, track_id, person)
        passed = person.piece.first - person.first
        self._cameras[camera][track_id] = _Person(
            person.started_seconds + passed, person.piece.first, person.piece, number=number
        )

    def _scores(self, camera: str, track_id: int, person: _Person) -> TrackScores:
        rows = [
            (
                round(1000 * (run.first - person.first)),
                round(1000 * (run.last - person.first)),
                min(round(run.side / run.count), 65535),
                run.status,
                round(SURE_STEPS * min(max(run.mean, 0.0), 1.0)),
            )
            for run in person.runs
        ]
        return TrackScores(
            run_id=self._run_id,
            camera=storable(camera),
            track_id=int(track_id),
            started_ms=round(1000 * person.started_seconds),
            number=person.number,
            runs=np.array(rows, RUNS).tobytes(),
        )


def _surely(track: Track) -> float:
    """Probability that the rule is broken, as the classifier gives it."""
    return sum(float(p) for status, p in track.verdict.probabilities.items() if status.is_violation)


def _side(track: Track) -> float:
    x1, y1, x2, y2 = track.box_xyxy.tolist()
    return float(min(x2 - x1, y2 - y1))
