import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskcam.sources.file import VideoFileSource, spans_of
from maskcam.sources.spans import Span
from maskcam.types import Frame
from tests.cli import DEMO
from tests.sources.media import write_video

IRREGULAR_MS = np.cumsum(np.random.default_rng(0).integers(10, 90, 200)).tolist()
CLIPS: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {"options": {"bf": "3", "g": "40"}},
    "open-gop.mp4": {"options": {"bf": "3", "g": "40", "x264-params": "open-gop=1"}},
    "one-key-frame-in-ten-seconds.mp4": {"options": {"bf": "2", "g": "250"}},
    "varying-rate.mp4": {"options": {"bf": "3", "g": "30"}, "pts_ms": IRREGULAR_MS},
    "varying-rate.mkv": {"options": {"bf": "3", "g": "30"}, "pts_ms": IRREGULAR_MS},
    "sound.mp4": {"options": {"bf": "3", "g": "40"}, "sound_seconds": 9.0},
    "camera.ts": {"options": {"bf": "0", "g": "50"}},
    "reordered.ts": {"options": {"bf": "3", "g": "40"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=40:log-level=none"}},
    "upright.mp4": {"options": {"bf": "2", "g": "40"}, "rotation": (90, False, False)},
}


def read(path: Path, span: Span | None = None) -> list[Frame]:
    with VideoFileSource(path, span=span) as source:
        return list(source)


def assert_same(frames: Sequence[Frame], expected: Sequence[Frame]) -> None:
    assert [(f.index, f.pts_seconds) for f in frames] == [(f.index, f.pts_seconds) for f in expected]
    for frame, other in zip(frames, expected, strict=True):
        assert np.array_equal(frame.image, other.image), frame.index


@pytest.mark.parametrize("name", CLIPS)
def test_parts_hold_the_very_frames_of_the_whole(name: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / name, frame_count=200, **CLIPS[name])
    spans = spans_of(path, every_seconds=2.0)
    extra = [8, 10] if "varying" in name else []
    assert [span.begin_seconds for span in spans] == [-math.inf, 2, 4, 6, *extra]
    whole = read(path)
    assert len(whole) == 200
    assert_same([frame for span in spans for frame in read(path, span)], whole)
    for span in spans[1:]:
        assert span.begin_seconds <= read(path, span)[0].pts_seconds < span.end_seconds


def test_a_real_clip() -> None:
    spans = spans_of(DEMO, every_seconds=1.0)
    assert [span.begin_seconds for span in spans] == [-math.inf, *range(1, 18)]
    with VideoFileSource(DEMO) as source:
        start = list(islice(source, 75))
    assert_same(read(DEMO, spans[2]), start[50:])


def test_what_has_no_times_is_one_part(tmp_path: Path) -> None:
    path = write_video(tmp_path / "bare.h264", frame_count=100, options={"g": "20", "bf": "0"})
    (span,) = spans_of(path, every_seconds=1.0)
    assert_same(read(path, span), read(path))


def test_two_recordings_joined_are_one_part(tmp_path: Path) -> None:
    first = write_video(tmp_path / "first.ts", frame_count=100, options={"g": "20"})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() * 2)  # whose clock steps back in the middle
    (span,) = spans_of(joined, every_seconds=1.0)
    assert_same(read(joined, span), read(joined))


def test_a_short_recording_is_one_part(tmp_path: Path) -> None:
    path = write_video(tmp_path / "short.mp4", frame_count=20)
    assert spans_of(path, every_seconds=60.0) == (Span(-math.inf, math.inf, 0, None),)
