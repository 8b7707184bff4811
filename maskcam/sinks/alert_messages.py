"""What is told to others of violations, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from maskcam.outbox.base import Message
from maskcam.sinks.violation_records import storable
from maskcam.types import Violation

_MOST_LISTED = 100
"""Violations that a summary names one by one; the others are counted."""


def violation_key(run_id: str, violation: Violation) -> str:
    """What names a violation outside this process, in the event store, too."""
    return f"{run_id}/{storable(violation.camera)}/{violation.violation_id}"


def violation_content(
    violation: Violation, *, run_id: str, sequence: int, started_wall_seconds: float
) -> dict[str, Any]:
    """A change of a violation.

    Args:
        violation: as it stands now.
        run_id: of this run of the program.
        sequence: number of the message among those of its camera in this run.
        started_wall_seconds: when the violation started, by `time.time()`.
    """

    def clock(seconds: float | None) -> str | None:
        return (
            None if seconds is None else iso_time(started_wall_seconds + seconds - violation.started_seconds)
        )

    return {
        "type": "violation",
        "version": 1,
        "key": violation_key(run_id, violation),
        "sequence": sequence,
        "event": violation.phase.value,
        "camera": storable(violation.camera),
        "violation_id": violation.violation_id,
        "track_id": violation.track_id,
        "status": violation.status.value,
        "started_at": clock(violation.started_seconds),
        "ended_at": clock(violation.ended_seconds),
        "duration_seconds": _duration(violation.started_seconds, violation.ended_seconds),
        "transitions": [
            {
                "status": transition.status.value,
                "started_at": clock(transition.started_seconds),
                "duration_seconds": _duration(transition.started_seconds, transition.ended_seconds),
            }
            for transition in violation.transitions
        ],
        "snapshot": violation.snapshot,
    }


def violation_message(content: Mapping[str, Any], *, created_seconds: float, is_held: bool) -> Message:
    """Makes a message of what `violation_content` made."""
    return Message(
        key=content["key"],
        camera=content["camera"],
        phase=content["event"],
        identity=f"{content['key']}/{content['event']}/{content['sequence']}",
        body=to_json(content),
        created_seconds=created_seconds,
        is_held=is_held,
    )


def summarize(messages: Sequence[Message]) -> Message:
    """One message of several that were held back at one camera, during quiet hours or because there were too many.

    Args:
        messages: made by `violation_message`, oldest first; at least one.
    """
    contents = [json.loads(message.body) for message in messages]
    latest = {
        content["key"]: content for content in contents
    }  # in the order in which they were first mentioned
    events = Counter(content["event"] for content in contents)
    listed = list(latest.values())[:_MOST_LISTED]
    last = messages[-1]
    summary = {
        "type": "summary",
        "version": 1,
        "camera": last.camera,
        "from": iso_time(messages[0].created_seconds),
        "until": iso_time(last.created_seconds),
        "started": events["started"],
        "ended": events["ended"],
        "ongoing": sum(content["ended_at"] is None for content in latest.values()),
        "statuses": dict(Counter(content["status"] for content in latest.values())),
        "violations": [
            {name: content[name] for name in ("key", "status", "started_at", "ended_at", "duration_seconds")}
            for content in listed
        ],
        "not_listed": len(latest) - len(listed),
    }
    return Message(
        key=last.key,
        camera=last.camera,
        phase="summary",
        identity=f"{last.identity}/summary",
        body=to_json(summary),
        created_seconds=last.created_seconds,
    )


def iso_time(wall_seconds: float) -> str:
    """Local time with its offset from UTC, such as `2026-03-01T08:15:02.120+01:00`."""
    return datetime.fromtimestamp(wall_seconds).astimezone().isoformat(timespec="milliseconds")


def to_json(content: Mapping[str, Any]) -> bytes:
    """Compact, in UTF-8; a question mark for what is no text, which names of files may hold."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _duration(started_seconds: float, ended_seconds: float | None) -> float | None:
    return None if ended_seconds is None else round(ended_seconds - started_seconds, 3)
