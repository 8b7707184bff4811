"""What holds for every source, and for real clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import StreamLostError
from maskcam.sources import Source, open_source
from maskcam.sources.webcam import WebcamSource
from maskcam.types import Frame
from tests.shared import shared_file
from tests.sources.media import corner_picture, write_picture, write_video
from tests.sources.servers import http_server
from tests.sources.test_webcam import FakeCapture

CLIPS = {
    "intel_face-demographics-walking-and-pause.gif": ((480, 270), 41),
    "intel_walk.mkv": ((640, 480), 89),
    "khanh_khanh.mp4": ((720, 1280), 170),  # recorded upright: 1280x720 with a quarter turn
    "uengmim_test.avi": ((640, 480), 104),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_video(folder / "v.mp4", frame_count=5, rotation=(90, False, False))
    (folder / "pictures").mkdir()
    for name in ("a.png", "b.jpg"):
        write_picture(folder / "pictures" / name, corner_picture())
    return folder


@pytest.fixture(scope="module")
def http(folder: Path) -> Iterator[str]:
    with http_server(folder) as address:
        yield address


@pytest.fixture(params=["file", "picture", "pictures", "synthetic", "http file", "http mjpeg", "webcam"])
def opener(
    request: pytest.FixtureRequest, folder: Path, http: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Source]:
    """Opens one source of each kind; each has at least one frame."""
    specs = {
        "file": str(folder / "v.mp4"),
        "picture": str(folder / "pictures" / "a.png"),
        "pictures": str(folder / "pictures"),
        "synthetic": "synthetic:33x17@10*4",
        "http file": f"http://{http}/v.mp4",
        "http mjpeg": f"http://{http}/mjpeg/8",
    }
    if request.param in specs:
        return lambda: open_source(specs[request.param], timeout_seconds=3)
    FakeCapture.made = []
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    device = folder / "video0"
    device.touch()
    return lambda: WebcamSource(str(device))


def read(source: Source) -> list[Frame]:
    """All frames; a live source must be lost at the end, any other must not."""
    frames: list[Frame] = []
    try:
        frames.extend(source)
    except StreamLostError:
        assert source.info.is_live
    else:
        assert not source.info.is_live
    return frames


def check_frames(source: Source, frames: list[Frame]) -> None:
    assert frames
    assert [frame.index for frame in frames] == list(range(len(frames)))
    seconds = [frame.pts_seconds for frame in frames]
    assert 0 <= seconds[0] < 0.5
    assert (np.diff(seconds) >= 0).all()
    assert (np.diff([frame.captured_seconds for frame in frames]) >= 0).all()
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.shape[2] == 3
        assert frame.image.flags.c_contiguous
        assert source.info.size_wh in (None, frame.size_wh)
        assert source.info.is_still or frame.camera == source.info.name
    assert source.info.frame_count in (None, len(frames))


def test_frames(opener: Callable[[], Source]) -> None:
    with opener() as source:
        check_frames(source, read(source))


def test_frames_are_not_shared(opener: Callable[[], Source]) -> None:
    with opener() as one, opener() as two:
        first, again = next(one.frames()), next(two.frames())
        kept = again.image.copy()
        first.image[:] = 7
        np.testing.assert_array_equal(again.image, kept)


def test_a_second_iteration_goes_on_where_the_first_stopped(opener: Callable[[], Source]) -> None:
    with opener() as source:
        first = next(iter(source))
        rest = read(source)
    assert [first.index, *(frame.index for frame in rest)] == list(range(len(rest) + 1))


def test_closing_twice_is_fine_and_reading_after_it_says_so(opener: Callable[[], Source]) -> None:
    source = opener()
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    for iterator in (frames, source.frames()):
        with pytest.raises(ValueError, match=r"is closed: open it anew"):
            next(iterator)


def test_closing_unread_is_fine(opener: Callable[[], Source]) -> None:
    opener().close()


def test_leaving_the_block_closes(opener: Callable[[], Source]) -> None:
    with pytest.raises(KeyError), opener() as source:
        raise KeyError
    with pytest.raises(ValueError, match="is closed"):
        next(iter(source))


@pytest.mark.parametrize("name", CLIPS)
def test_real_clips(name: str) -> None:
    size_wh, frame_count = CLIPS[name]
    with open_source(str(shared_file(f"data/clips/{name}"))) as source:
        assert source.info.size_wh == size_wh
        assert source.info.fps is not None
        assert source.info.duration_seconds is not None
        frames = list(source)
    check_frames(source, frames)
    assert len(frames) == frame_count
    step_seconds = 1 / source.info.fps
    assert frames[-1].pts_seconds == pytest.approx(
        source.info.duration_seconds - step_seconds, abs=step_seconds
    )
