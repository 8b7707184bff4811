"""What a probe finds in files, pictures and whatever gives frames only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import maskcam.probing.probe as module
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import InputError, SourceError, SourceNotFoundError, StreamLostError
from maskcam.pixels import ArrayPixels
from maskcam.probing.advice import advise
from maskcam.probing.faces import look_for_faces
from maskcam.probing.probe import probe
from maskcam.probing.report import FacesSeen
from maskcam.sources.base import Source, SourceInfo
from maskcam.types import Faces, Frame
from tests.cli import DEMO
from tests.sources.media import corner_picture, cut, write_picture, write_sound, write_video
from tests.sources.servers import http_server


class Ticking(Source):
    """A webcam, or pictures, on a clock of the test's own."""

    def __init__(
        self, info: SourceInfo, clock: list[float], gaps: list[float], *, lost: bool = False
    ) -> None:
        self.info = info
        self.closed = False
        self._clock, self._gaps, self._lost = clock, gaps, lost

    def frames(self) -> Iterator[Frame]:
        seconds = 0.0
        for i, gap in enumerate(self._gaps):
            self._clock[0] += gap
            seconds += gap
            yield Frame(
                ArrayPixels(np.zeros((48, 64, 3), np.uint8)), i, seconds, self._clock[0], self.info.name
            )
        if self._lost:
            raise StreamLostError("webcam 0 stopped giving pictures: check its cable.")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `time.monotonic` tells the probe, to be set by the test."""
    now = [100.0]
    monkeypatch.setattr("maskcam.probing.probe.time.monotonic", lambda: now[0])
    return now


def opens(monkeypatch: pytest.MonkeyPatch, source: Source) -> None:
    monkeypatch.setattr(module, "open_source", lambda _: source)


def test_a_recording(tmp_path: Path) -> None:
    options = {"x264-params": "keyint=10:min-keyint=10:scenecut=0"}
    path = write_video(tmp_path / "a.mp4", frame_count=40, options=options)
    report = probe(str(path), seconds=10.0)
    assert (report.name, report.kind, report.is_live, report.transport) == ("a.mp4", "file", False, None)
    assert report.pictures.decoded == 40
    assert (report.video.codec, report.video.sizes_wh, report.video.nominal_fps) == ("h264", ((96, 64),), 25)
    assert report.video.measured_fps is not None
    assert report.video.measured_fps > 25, "as fast as it goes"
    assert report.key_frames is not None
    assert report.key_frames.count == 4
    assert report.key_frames.mean_seconds == pytest.approx(0.4)
    assert report.rhythm is not None
    assert report.rhythm.jitter_milliseconds is None
    assert report.work.decode_share is not None
    assert report.latency.first_picture_seconds is None
    assert advise(report) == ()


def test_bit_rate_of_a_recording() -> None:
    report = probe(str(DEMO), seconds=60.0)
    assert report.video.bits_per_second == pytest.approx(DEMO.stat().st_size * 8 / 18, rel=0.1)


def test_a_recording_is_read_no_longer_than_asked() -> None:
    assert 0 < probe(str(DEMO), seconds=0.3).pictures.decoded < 450


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_containers_whose_pictures_are_out_of_order_have_no_faults(tmp_path: Path, suffix: str) -> None:
    path = write_video(
        tmp_path / f"a.{suffix}", frame_count=40, options={"x264-params": "bframes=2:b-adapt=0:scenecut=0"}
    )
    report = probe(str(path), seconds=10.0)
    assert report.rhythm is not None
    assert (report.rhythm.steps_back, report.rhythm.jumps) == (0, 0)
    assert report.video.bits_per_second is not None
    assert report.pictures.decoded == 40
    assert report.pictures.corrupt == 0


def test_a_gap_in_a_recording(tmp_path: Path) -> None:
    pts_ms = [40 * i + (60_000 if i >= 20 else 0) for i in range(40)]
    report = probe(str(write_video(tmp_path / "a.mkv", frame_count=40, pts_ms=pts_ms)), seconds=10.0)
    assert report.rhythm is not None
    assert report.rhythm.jumps == 1
    assert any("-c copy" in sentence for sentence in advise(report))


def test_a_recording_that_was_cut_off(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", frame_count=60, container_options={"movflags": "faststart"})
    report = probe(str(cut(whole, tmp_path / "cut.mp4")), seconds=10.0)
    assert 0 < report.pictures.decoded < 60
    assert report.pictures.corrupt > 0
    assert any("copy or record it anew" in sentence for sentence in advise(report))


def test_a_recording_over_http_is_read_like_a_file(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frame_count=40, container_options={"movflags": "faststart"})
    with http_server(tmp_path) as address:
        report = probe(f"http://{address}/a.mp4", seconds=10.0)
    assert (report.kind, report.is_live, report.failure) == ("http", False, None)
    assert report.pictures.decoded == 40


def test_what_cannot_be_probed(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="There is no file"):
        probe(str(tmp_path / "nothing.mp4"), seconds=1.0)
    with pytest.raises(InputError, match=r"ftp://\*\*\*@"):
        probe("ftp://user:hunter2@camera", seconds=1.0)
    with pytest.raises(SourceError, match="holds no video"):
        probe(str(write_sound(tmp_path / "a.mp4")), seconds=1.0)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", corner_picture())
    write_picture(tmp_path / "b.png", corner_picture((64, 64)))
    report = probe(str(tmp_path), seconds=5.0)
    assert (report.kind, report.pictures.decoded) == ("pictures", 2)
    assert report.video.sizes_wh == ((96, 64), (64, 64))
    assert (report.rhythm, report.key_frames, report.work.decode_share) == (None, None, None)
    assert advise(report) == ()


def test_pictures_of_which_one_is_damaged(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", corner_picture())
    (tmp_path / "b.png").write_bytes(b"no picture")
    report = probe(str(tmp_path), seconds=5.0)
    assert report.pictures.decoded == 1
    assert "1 of 2 pictures" in (report.failure or "")


def test_a_webcam(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    source = Ticking(SourceInfo(name="webcam 0", fps=30.0, is_live=True), clock, [0.1] * 1000)
    opens(monkeypatch, source)
    report = probe("0", seconds=5.0)
    assert (report.kind, report.is_live) == ("webcam", True)
    assert report.pictures.decoded == pytest.approx(50, abs=1)
    assert report.video.measured_fps == pytest.approx(10)
    assert report.rhythm is not None
    assert report.rhythm.jitter_milliseconds == pytest.approx(0, abs=1e-6)
    assert source.closed
    (sentence,) = advise(report)
    assert "Only 10 of 30 frames" in sentence


def test_a_webcam_that_is_unplugged(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    info = SourceInfo(name="webcam 0", fps=10.0, is_live=True)
    opens(monkeypatch, Ticking(info, clock, [0.1] * 20, lost=True))
    report = probe("0", seconds=5.0)
    assert report.pictures.decoded == 20
    assert report.failure == "webcam 0 stopped giving pictures: check its cable."
    opens(monkeypatch, Ticking(info, clock, [], lost=True))
    with pytest.raises(StreamLostError):
        probe("0", seconds=5.0)


def test_whether_this_machine_keeps_up(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    info = SourceInfo(name="webcam 0", fps=10.0, is_live=True)
    for detect_milliseconds, keeps_up in ((1.0, True), (400.0, False)):
        opens(monkeypatch, Ticking(info, clock, [0.1] * 50))
        looked = FacesSeen(pictures=1, count=0), detect_milliseconds
        monkeypatch.setattr(module, "look_for_faces", lambda *_, looked=looked: looked)
        report = probe("0", seconds=5.0, detector=FixedDetector([Faces.none()]))
        assert report.work.needed_fps == pytest.approx(10)
        assert report.work.keeps_up is keeps_up
        assert bool(advise(report)) is not keeps_up


def test_sizes_of_faces() -> None:
    boxes_xyxy = [(0, 0, 10, 14), (20, 0, 60, 50), (60, 0, 90, 20), (0, 30, 4, 40)]
    faces = Faces(np.array(boxes_xyxy, np.float32), np.array([0.9, 0.6, 0.8, 0.4], np.float32))
    seen, milliseconds = look_for_faces(FixedDetector([faces]), [corner_picture(), corner_picture()])
    assert (seen.pictures, seen.count) == (2, 6), "the weak one is none"
    assert (seen.median_pixels, seen.smallest_pixels) == (20, 10)
    assert seen.small_share == pytest.approx(1 / 3)
    assert milliseconds > 0


def test_no_faces() -> None:
    seen, _ = look_for_faces(FixedDetector([Faces.none()]), [corner_picture()])
    assert (seen.count, seen.median_pixels, seen.small_share) == (0, None, None)
