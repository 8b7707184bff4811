"""Rows for the store, made with as few words as a test needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from maskcam.store.records import MinuteCounts, StoredTransition, ViolationRecord
from maskcam.types import MaskStatus

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RUN = "0123456789abcdef" * 2


def make_record(
    number: int = 1,
    *,
    camera: str = "door",
    revision: int = 1,
    minutes: float = 0.0,
    seconds: float | None = 14.0,
    run_id: str = RUN,
    **values: Any,
) -> ViolationRecord:
    """A bare face, `minutes` after noon; it took 14 seconds, or goes on where `seconds` is None."""
    start = NOON + timedelta(minutes=minutes)
    end = None if seconds is None else start + timedelta(seconds=seconds)
    given: dict[str, Any] = {
        "track_id": number,
        "status": MaskStatus.NO_MASK,
        "started_at": start,
        "ended_at": end,
        "started_seconds": 3.0,
        "ended_seconds": None if seconds is None else 3.0 + seconds,
        "box_xyxy": (10.0, 20.0, 50.0, 70.5),
        "transitions": (
            StoredTransition(MaskStatus.NO_MASK, start, end, 3.0, None if seconds is None else 3.0 + seconds),
        ),
    }
    return ViolationRecord(run_id=run_id, camera=camera, number=number, revision=revision, **given | values)


def make_counts(
    minute: int = 0,
    *,
    camera: str = "door",
    masked: int = 3,
    bare: int = 1,
    incorrect: int = 0,
    unsure: int = 0,
    run_id: str = RUN,
) -> MinuteCounts:
    """Four people in a minute after noon, three of them masked."""
    return MinuteCounts(
        run_id=run_id,
        camera=camera,
        minute=NOON + timedelta(minutes=minute),
        people=masked + bare + incorrect + unsure,
        masked=masked,
        bare=bare,
        incorrect=incorrect,
        unsure=unsure,
    )
