"""What real cameras encode reaches whoever takes their frames: every picture, byte by byte, whatever is dropped."""

from __future__ import annotations

import itertools
import re
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maskcam.feeds import Feed
from maskcam.live import LiveReader
from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.clips import ClipSink
from maskcam.sources import open_source
from maskcam.types import EncodedPicture, Frame
from tests.cameras import Behaviour, Camera, RtspCamera
from tests.cameras.clips import SMALL
from tests.cameras.units import read_units
from tests.factories import make_result
from tests.sinks.clips import ended, look, started
from tests.sources.test_tape import decode

_START = re.compile(rb"\x00?\x00\x00\x01")


def coded(data: bytes) -> tuple[bytes, ...]:
    """The coded pieces of a picture, without parameters: FFmpeg may add those, or write start codes another way."""
    return tuple(unit for unit in _START.split(data) if unit and unit[0] & 31 in (1, 5))


def watch(camera: Camera, seconds: float, *, fps: float | None = None) -> list[Frame]:
    """What somebody gets who takes frames now and then."""
    feed = Feed(
        name="a", open=partial(open_source, camera.url, name="a", timeout_seconds=2), analysis_fps=fps
    )
    frames: list[Frame] = []
    with LiveReader([feed]) as reader:
        end_seconds = None
        for batch in reader.batches():
            frames += batch
            end_seconds = end_seconds or (time.monotonic() + seconds if frames else None)
            if end_seconds is not None and time.monotonic() > end_seconds:
                return frames
            time.sleep(0.15)  # two of three frames are overwritten meanwhile
    raise AssertionError("the camera ended")


def encoded(frames: list[Frame]) -> list[EncodedPicture]:
    return [picture for frame in frames for picture in frame.encoded or ()]


@pytest.mark.parametrize("fps", [None, 2.0])
def test_every_picture_arrives_as_the_camera_sent_it(rtsp_camera: Camera, fps: float | None) -> None:
    frames = watch(rtsp_camera, 3.0, fps=fps)
    pictures = encoded(frames)
    assert len(pictures) > 2 * len(frames), "also those whose frames were dropped"
    assert pictures[0].is_key
    sent = [coded(unit) for unit in read_units(rtsp_camera._clip(1))[1:]]
    got = [coded(picture.data) for picture in pictures]
    first = sent.index(got[0])
    assert got == [sent[(first + i) % len(sent)] for i in range(len(got))]
    times = [picture.pts_seconds for picture in pictures]
    assert {round(after - before, 2) for before, after in itertools.pairwise(times)} <= {0.06, 0.07}
    by_time = {round(picture.pts_seconds, 3) for picture in pictures}
    assert all(round(frame.pts_seconds, 3) in by_time for frame in frames)


def test_mjpeg_is_left_to_be_encoded(mjpeg_camera: Camera) -> None:
    assert {frame.encoded for frame in watch(mjpeg_camera, 0.5)} == {None}


def test_after_a_reconnect_the_time_goes_on_and_a_key_picture_comes_first() -> None:
    with RtspCamera(**SMALL) as camera:
        feed = Feed(name="a", open=partial(open_source, camera.url, name="a", timeout_seconds=2))
        frames: list[Frame] = []
        with LiveReader([feed]) as reader:
            for batch in reader.batches():
                frames += batch
                if len(frames) == 20 and batch:
                    camera.behave(Behaviour.DROP)
                if len(frames) > 60:
                    break
            assert reader.health()["a"].reconnects == 1
    pictures = encoded(frames)
    steps = [after.pts_seconds - before.pts_seconds for before, after in itertools.pairwise(pictures)]
    (gap,) = (i for i, step in enumerate(steps, 1) if step > 0.2)
    assert min(steps) > 0
    assert pictures[gap].is_key
    by_time = {round(picture.pts_seconds, 3) for picture in pictures}
    assert all(round(frame.pts_seconds, 3) in by_time for frame in frames)


def test_a_clip_over_a_reconnect(tmp_path: Path) -> None:
    """The camera is lost in the middle of a violation, which goes on when it is back."""
    options = ClipOptions(pre_seconds=1, post_seconds=1, longest_seconds=30)
    person, count = None, 0
    with RtspCamera(**SMALL) as camera, ClipSink(tmp_path, options, reserve_bytes=0) as sink:
        feed = Feed(name="a", open=partial(open_source, camera.url, name="a", timeout_seconds=2))
        with LiveReader([feed]) as reader:
            for batch in reader.batches():
                for frame in batch:
                    count += 1
                    reports = []
                    if count == 30:
                        person = started(frame.pts_seconds, camera="a")
                        reports.append(person)
                    elif count == 45:
                        camera.behave(Behaviour.DROP)
                    elif count == 75 and person is not None:
                        reports.append(ended(person, frame.pts_seconds))
                    sink.write(make_result(frame, (), tuple(reports)), None)
                if count > 105:
                    break
            assert reader.health()["a"].reconnects == 1
    (file,) = tmp_path.iterdir()
    pictures = look(file)
    times = [float(picture.time or 0.0) for picture in pictures]
    assert len(pictures) > 60
    assert max(after - before for before, after in pairwise(times)) > 0.2, "nothing was there to be shown"
    shown = [np.asarray(picture.to_ndarray(format="bgr24")) for picture in pictures]
    clean = [image.tobytes() for image in camera.pictures()]
    assert all(image.tobytes() in clean for image in shown), "as the camera sees it, before and after"


@pytest.mark.parametrize("behaviour", [Behaviour.LOSE, Behaviour.CORRUPT, Behaviour.RESIZE])
def test_nothing_builds_upon_what_was_lost(rtsp_camera: Camera, behaviour: Behaviour) -> None:
    rtsp_camera.behave(behaviour)
    try:
        pictures = encoded(watch(rtsp_camera, 4.0))
    finally:
        rtsp_camera.behave(Behaviour.NORMAL)
    decoded = decode(pictures)
    assert len(decoded) == len(pictures) > 10
    assert not any(picture.is_corrupt for picture in decoded)
