"""Violations as the event store has them: with times of day, and names that last beyond the run."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta

from maskcam.store.records import StoredTransition, ViolationRecord
from maskcam.types import Transition, Violation

_KNOWN = (
    5_000  # violations that may still be reported again; beyond, the store itself remembers when they started
)


class RecordMaker:
    """Makes records of the violations of one run.

    All times of a violation are counted from the time of day at its first report, so that they fit each other, whatever
    becomes of the clock meanwhile.

    Args:
        run_id: of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._revisions = itertools.count(1)
        self._started: dict[tuple[str, int], float] = {}

    def make(self, violation: Violation, zero_seconds: float | None) -> ViolationRecord:
        """The record of a report.

        Args:
            violation: the report.
            zero_seconds: the time of day, in seconds since 1970, at which the source's own clock was at 0; None where
                the violation ended with its source.
        """
        start = self._start(violation, zero_seconds)

        def at(pts_seconds: float | None) -> datetime | None:
            return (
                None
                if pts_seconds is None
                else start + timedelta(seconds=pts_seconds - violation.started_seconds)
            )

        x1, y1, x2, y2 = (float(value) if math.isfinite(value) else 0.0 for value in violation.box_xyxy)
        return ViolationRecord(
            run_id=self._run_id,
            camera=storable(violation.camera),
            number=violation.violation_id,
            revision=next(self._revisions),
            track_id=int(violation.track_id),
            status=violation.status,
            started_at=start,
            ended_at=at(violation.ended_seconds),
            started_seconds=float(violation.started_seconds),
            ended_seconds=violation.ended_seconds,
            box_xyxy=(x1, y1, x2, y2),
            transitions=tuple(_stored(change, start, violation) for change in violation.transitions),
        )

    def _start(self, violation: Violation, zero_seconds: float | None) -> datetime:
        key = (violation.camera, violation.violation_id)
        seconds = self._started.pop(key, None)
        if seconds is None:
            if (
                zero_seconds is None
            ):  # reported for the first time at its end: as if the source had ended just now
                lasted = (violation.ended_seconds or violation.started_seconds) - violation.started_seconds
                seconds = datetime.now(UTC).timestamp() - lasted
            else:
                seconds = zero_seconds + violation.started_seconds
        self._started[key] = seconds  # the last one of the dictionary, so that those forgotten are the oldest
        if len(self._started) > _KNOWN:
            del self._started[next(iter(self._started))]
        return datetime.fromtimestamp(seconds, UTC)


def storable(name: str) -> str:
    """A name as every database takes it: file names may hold bytes that are no text, and PostgreSQL takes no NUL."""
    return name.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _stored(change: Transition, start: datetime, violation: Violation) -> StoredTransition:
    def at(pts_seconds: float) -> datetime:
        return start + timedelta(seconds=pts_seconds - violation.started_seconds)

    ended = change.ended_seconds
    return StoredTransition(
        status=change.status,
        started_at=at(change.started_seconds),
        ended_at=None if ended is None else at(ended),
        started_seconds=float(change.started_seconds),
        ended_seconds=ended,
    )
