import math
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maskcam.benchmarking.looped import LoopedSource
from maskcam.errors import InputError, SourceError
from maskcam.types import Frame
from tests.cli import STILLS


def play(
    clip: str, *, warm_up: int, seconds: float = math.inf, once: bool, paced: bool = False
) -> list[Frame]:
    source = LoopedSource(
        clip, name="camera 1", warm_up_frames=warm_up, seconds=seconds, once=once, paced=paced
    )
    with source:
        frames = list(source)
    assert len(source.decode_seconds) >= len(frames)
    return frames


@pytest.mark.parametrize(("clip_frames", "warm_up"), [(10, 4), (3, 7), (5, 5), (4, 0)])
def test_after_the_warm_up_each_frame_of_the_clip_comes_once(clip_frames: int, warm_up: int) -> None:
    frames = play(f"synthetic:64x48@25*{clip_frames}", warm_up=warm_up, once=True)
    assert [frame.index for frame in frames] == list(range(warm_up + clip_frames))
    assert {frame.camera for frame in frames} == {"camera 1"}
    counted = [frame.image.tobytes() for frame in frames[warm_up:]]
    assert len(set(counted)) == clip_frames


def test_time_goes_on_from_round_to_round() -> None:
    frames = play("synthetic:64x48@25*3", warm_up=5, once=True)
    steps = [after.pts_seconds - before.pts_seconds for before, after in pairwise(frames)]
    assert steps == pytest.approx([1 / 25] * 7)
    assert np.array_equal(frames[0].image, frames[3].image)


def test_it_goes_round_for_as_long_as_asked() -> None:
    start_seconds = time.monotonic()
    frames = play("synthetic:64x48@25*3", warm_up=2, seconds=0.2, once=False)
    assert time.monotonic() - start_seconds >= 0.2
    assert len(frames) > 6


def test_at_its_own_speed_it_takes_its_own_time() -> None:
    start_seconds = time.monotonic()
    frames = play("synthetic:64x48@50*6", warm_up=2, once=True, paced=True)
    assert time.monotonic() - start_seconds >= 7 / 50
    captured = [frame.captured_seconds for frame in frames]
    assert captured[-1] - captured[0] >= 7 / 50 - 0.01  # the first may come a little late


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("0", "is a camera"),
        ("rtsp://user:secret@127.0.0.1/live", "is a camera"),
        (str(STILLS), "stands for pictures"),
    ],
)
def test_what_is_no_recorded_video_is_refused(spec: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        play(spec, warm_up=1, once=True)
    assert "secret" not in str(caught.value)


def test_closing_ends_it() -> None:
    source = LoopedSource(
        "synthetic:64x48@25*3", name="camera 1", warm_up_frames=0, seconds=math.inf, once=False
    )
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    with pytest.raises(SourceError, match=r"text\.mp4"):
        play(str(text), warm_up=1, once=True)
