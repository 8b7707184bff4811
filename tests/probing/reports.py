"""Reports of sources that never were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from maskcam.probing.report import (
    FacesSeen,
    KeyFrames,
    Latency,
    Pictures,
    Rhythm,
    SourceReport,
    Video,
    Work,
)

FINE = SourceReport(
    name="door",
    kind="rtsp",
    is_live=True,
    seconds=10.0,
    video=Video("h264", "High", "yuv420p", ((1280, 720),), 15.0, 15.0, 2e6),
    pictures=Pictures(150),
    latency=Latency(0.5, 0.8),
    work=Work(5.0, 0.075, 20.0, "cpu", 15.0, 40.0, keeps_up=True),
    transport="tcp",
    key_frames=KeyFrames(10, 1.0, 1.0, longest_is_open=False),
    rhythm=Rhythm(True, 5.0, 0.0),
    faces=FacesSeen(10, 20, 60.0, 30.0, 0.0),
)
"""A camera that has nothing wrong with it."""


def report(part: str | None = None, **changes: Any) -> SourceReport:
    """`FINE` with something else: fields of a part of it, or its own."""
    if part is None:
        return replace(FINE, **changes)
    return replace(FINE, **{part: replace(getattr(FINE, part), **changes)})
