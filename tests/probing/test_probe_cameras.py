"""What a probe finds at real cameras on loopback, in good order and misbehaving."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from av.container import InputContainer

import maskcam.probing.probe as module
from maskcam.config import Config
from maskcam.detectors.base import Detector
from maskcam.errors import SourceError, StreamFault
from maskcam.probing.advice import advise
from maskcam.probing.probe import probe
from maskcam.sources.stream import open_stream
from tests.cameras import Behaviour, Camera, MjpegCamera, RtspCamera

SMALL: dict[str, Any] = {"size_wh": (640, 360), "clip_seconds": 3.0}


@pytest.fixture(scope="module")
def rtsp_camera() -> Iterator[Camera]:
    with RtspCamera(**SMALL, key_frame_seconds=0.6, credentials="admin:hunter2") as camera:
        yield camera


@pytest.fixture(scope="module")
def mjpeg_camera() -> Iterator[Camera]:
    with MjpegCamera(**SMALL, fps=10.0) as camera:
        yield camera


@pytest.fixture(params=["rtsp", "mjpeg"])
def camera(request: pytest.FixtureRequest) -> Iterator[Camera]:
    camera: Camera = request.getfixturevalue(f"{request.param}_camera")
    yield camera
    camera.behave(Behaviour.NORMAL)


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    config = Config(device="cpu")
    with config.detector.build(device=config.device) as detector:
        yield detector


@pytest.fixture
def once_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Has a camera behave differently, so many seconds after the probe has opened it: how long that takes varies."""
    timers: list[threading.Timer] = []

    def prepare(camera: Camera, behaviours: dict[float, Behaviour]) -> None:
        def open_and_start(url: str, **options: Any) -> InputContainer:
            container = open_stream(url, **options)
            for seconds, behaviour in behaviours.items():
                timers.append(threading.Timer(seconds, camera.behave, [behaviour]))
                timers[-1].start()
            return container

        monkeypatch.setattr(module, "open_stream", open_and_start)

    yield prepare
    for timer in timers:
        timer.join()


def test_an_rtsp_camera_in_good_order(rtsp_camera: Camera, detector: Detector) -> None:
    report = probe(rtsp_camera.url, seconds=3.0, detector=detector)
    assert report.name == rtsp_camera.url.replace("admin:hunter2", "***")
    assert (report.kind, report.transport, report.is_live) == ("rtsp", "tcp", True)
    assert report.failure is None
    video, keys, beat = report.video, report.key_frames, report.rhythm
    assert (video.codec, video.profile, video.pixel_format) == ("h264", "High", "yuv420p")
    assert video.sizes_wh == ((640, 360),)
    assert video.nominal_fps == pytest.approx(15)
    assert video.measured_fps == pytest.approx(15, rel=0.1)
    assert video.bits_per_second is not None
    assert 50_000 < video.bits_per_second < 2_000_000
    assert keys is not None
    assert keys.mean_seconds == pytest.approx(0.6, abs=0.05)
    assert keys.longest_seconds == pytest.approx(0.6, abs=0.05)
    assert beat is not None
    assert beat.has_time_stamps
    assert (beat.steps_back, beat.jumps) == (0, 0)
    assert beat.jitter_milliseconds is not None
    assert beat.jitter_milliseconds < 200, "loopback, on a machine that may be busy"
    assert report.pictures.corrupt == report.pictures.skipped == 0
    assert report.pictures.decoded > 30
    assert report.latency.first_picture_seconds is not None
    assert 0 < report.latency.connect_seconds < report.latency.first_picture_seconds < 5
    work = report.work
    assert work.decode_milliseconds is not None
    assert work.decode_share == pytest.approx(work.decode_milliseconds * (video.measured_fps or 0) / 1000)
    assert work.device is not None
    assert work.device.startswith("cpu")
    assert work.needed_fps == video.measured_fps
    assert work.detect_milliseconds is not None
    assert work.possible_fps == pytest.approx(1000 / (work.decode_milliseconds + work.detect_milliseconds))
    assert report.faces is not None
    assert report.faces.median_pixels is not None
    assert report.faces.pictures >= 2
    assert report.faces.count >= 1
    assert 40 < report.faces.median_pixels < 100, "faces of the demo clip, at half its size"


@pytest.mark.parametrize("seconds", [0.4, 1.5])
def test_key_frame_intervals_and_h265(seconds: float) -> None:
    with RtspCamera(**SMALL, codec="h265", key_frame_seconds=seconds, fps=10.0) as camera:
        report = probe(camera.url, seconds=3.5)
    assert report.key_frames is not None
    assert report.key_frames.mean_seconds == pytest.approx(seconds, abs=0.05)
    assert report.key_frames.count == pytest.approx(3.5 / seconds, abs=1.5)
    assert report.video.codec == "hevc"
    assert report.video.measured_fps == pytest.approx(10, rel=0.1)
    assert report.faces is None


def test_key_frames_that_are_too_rare() -> None:
    with RtspCamera(size_wh=(320, 180), clip_seconds=8.0, key_frame_seconds=8.0, fps=5.0) as camera:
        report = probe(camera.url, seconds=9.0)
    assert report.key_frames is not None
    assert report.key_frames.longest_seconds is not None
    assert 4.3 < report.key_frames.longest_seconds < 8.3, "at the least the longer part of what was watched"
    assert any("GOP" in sentence for sentence in advise(report))


def test_an_mjpeg_camera_in_good_order(mjpeg_camera: Camera) -> None:
    report = probe(mjpeg_camera.url, seconds=2.0)
    assert (report.kind, report.transport, report.is_live) == ("http", None, True)
    assert report.video.codec == "mjpeg"
    assert report.video.nominal_fps is None, "the 25 of FFmpeg are made up"
    assert report.video.measured_fps == pytest.approx(10, rel=0.1)
    assert report.rhythm is not None
    assert not report.rhythm.has_time_stamps
    assert report.rhythm.jitter_milliseconds is not None
    assert report.key_frames is not None
    assert report.key_frames.mean_seconds == pytest.approx(0.1, rel=0.1)
    assert report.pictures.corrupt == 0


def test_time_stamps_that_jump(rtsp_camera: Camera, once_open: Callable[..., None]) -> None:
    once_open(rtsp_camera, {0.8: Behaviour.JUMP, 1.8: Behaviour.NORMAL})
    report = probe(rtsp_camera.url, seconds=3.5)
    assert report.rhythm is not None
    assert (report.rhythm.steps_back, report.rhythm.jumps) == (1, 1)
    assert report.rhythm.jitter_milliseconds is not None
    assert report.rhythm.jitter_milliseconds < 500, "an hour is no jitter"
    assert report.key_frames is not None
    assert report.key_frames.longest_seconds == pytest.approx(0.6, abs=0.1)
    assert report.video.bits_per_second is not None
    assert report.video.bits_per_second > 50_000, "an hour does not thin out the bits"
    assert any("1 step back, 1 jump ahead" in sentence for sentence in advise(report))


@pytest.mark.parametrize("behaviour", [Behaviour.LOSE, Behaviour.CORRUPT])
def test_damage(camera: Camera, behaviour: Behaviour) -> None:
    camera.behave(behaviour)
    report = probe(camera.url, seconds=3.0)
    assert report.pictures.corrupt > 0
    assert report.pictures.decoded > 0
    if camera.codec == "h264":
        assert report.pictures.skipped > 0, "what builds upon damage"
    (sentence,) = [sentence for sentence in advise(report) if "damaged" in sentence]
    assert "although TCP" in sentence


def test_a_size_that_changes(rtsp_camera: Camera, once_open: Callable[..., None]) -> None:
    once_open(rtsp_camera, {1.2: Behaviour.RESIZE, 2.5: Behaviour.NORMAL})
    report = probe(rtsp_camera.url, seconds=3.0)
    assert report.video.sizes_wh == ((640, 360), (320, 180))


def test_a_camera_that_hangs_up_meanwhile(camera: Camera, once_open: Callable[..., None]) -> None:
    once_open(camera, {1.0: Behaviour.REFUSE})
    report = probe(camera.url, seconds=20.0)
    assert report.failure is not None
    assert "broke off after" in report.failure
    assert "hunter2" not in report.failure
    assert report.seconds < 10
    assert report.pictures.decoded > 0
    assert report.pictures.corrupt == 0, "the end is no damage"


def test_a_camera_that_falls_silent(camera: Camera, once_open: Callable[..., None]) -> None:
    once_open(camera, {1.0: Behaviour.HANG})
    report = probe(camera.url, seconds=20.0, timeout_seconds=2.0)
    assert report.failure is not None
    assert "no more data" in report.failure
    assert report.pictures.corrupt == 0


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [(Behaviour.PASSWORD, StreamFault.AUTH), (Behaviour.REFUSE, StreamFault.REFUSED)],
)
def test_a_camera_that_does_not_open(camera: Camera, behaviour: Behaviour, fault: StreamFault) -> None:
    camera.behave(behaviour)
    with pytest.raises(SourceError) as caught:
        probe(camera.url, seconds=2.0, timeout_seconds=3.0)
    assert caught.value.fault is fault
    assert "hunter2" not in str(caught.value)
