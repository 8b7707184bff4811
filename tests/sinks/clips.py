"""Cameras as a clip recorder sees them, without any camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av

from maskcam.sinks.clip_encoder import ClipEncoder
from maskcam.types import EncodedPicture, FrameResult, Violation, ViolationPhase
from tests.factories import make_frame, make_result, make_violation

FPS = 10


def results(
    seconds: float,
    *,
    start: float = 0.0,
    camera: str = "door",
    encodes: bool = True,
    size_wh: tuple[int, int] = (320, 240),
) -> Iterator[FrameResult]:
    """Ten frames a second; a camera that encodes has a key picture every second."""
    encoder = ClipEncoder()
    for number in range(round(seconds * FPS)):
        at = start + number / FPS
        frame = make_frame(size_wh, index=number, pts_seconds=at, camera=camera)
        encoded = encoder.encode(frame.image, at) if encodes else None
        yield make_result(replace(frame, encoded=encoded, captured_seconds=time.monotonic()))


def started(at: float, *, number: int = 1, camera: str = "door") -> Violation:
    """A violation that is reported when it starts."""
    return replace(make_violation(violation_id=number, camera=camera), started_seconds=at)


def ended(violation: Violation, at: float) -> Violation:
    """The report of its end."""
    return replace(violation, phase=ViolationPhase.ENDED, ended_seconds=at, is_best_view=False)


def with_violations(
    shown: Iterator[FrameResult], reports: dict[float, list[Violation]]
) -> Iterator[FrameResult]:
    """The same results, with these reports at these seconds."""
    for result in shown:
        due = reports.get(round(result.frame.pts_seconds, 3), [])
        yield replace(result, violations=tuple(due))


def times(pictures: tuple[EncodedPicture, ...]) -> tuple[float, float]:
    """When the first and the last one are shown."""
    shown = [round(picture.pts_seconds, 3) for picture in pictures]
    return min(shown), max(shown)


def look(path: Path) -> list[av.VideoFrame]:
    """All pictures of a clip, which is one that browsers play from its first byte on."""
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
        stream.codec_context.options = {"err_detect": "explode"}
        pictures = list(container.decode(video=0))
        assert pictures[0].key_frame
        assert (pictures[0].pts or 0) >= 0
        assert stream.duration is not None
        return pictures
