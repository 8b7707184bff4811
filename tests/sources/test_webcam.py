from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import SourceBusyError, SourceNotFoundError, StreamLostError
from maskcam.sources.webcam import WebcamSource
from maskcam.types import Image


class FakeCapture:
    """Stands for cv2.VideoCapture: no machine that runs the tests has a camera. Gives two grey pictures."""

    made: list[FakeCapture]

    def __init__(self, device: int | str, backend: int) -> None:
        self.device, self.backend = device, backend
        self.settings: dict[int, float] = {}
        self.is_released = False
        self.pictures = [np.full((48, 64), 10, np.uint8), np.full((48, 64), 20, np.uint8)]
        FakeCapture.made.append(self)

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return True

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def get(self, key: int) -> float:
        return self.settings.get(key, 0.0)

    def read(self) -> tuple[bool, Image | None]:
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)

    def release(self) -> None:
        self.is_released = True


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Path of a device that the fake gives pictures for."""
    FakeCapture.made = []
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    device = tmp_path / "video0"
    device.touch()
    return str(device)


def test_frames_until_the_cable_is_pulled(camera: str) -> None:
    with WebcamSource(camera, name="desk", size_wh=(64, 48), fps=15) as source:
        assert (source.info.name, source.info.size_wh, source.info.fps) == ("desk", (64, 48), 15.0)
        assert source.info.is_live
        frames = source.frames()
        first, second = next(frames), next(frames)
        with pytest.raises(StreamLostError, match="desk stopped giving pictures"):
            next(frames)
    assert (first.index, second.index) == (0, 1)
    assert first.image.shape == (48, 64, 3)
    assert (first.image[0, 0, 0], second.image[0, 0, 0]) == (10, 20)
    assert 0 <= first.pts_seconds <= second.pts_seconds < 1
    assert FakeCapture.made[0].is_released


def test_asks_for_compressed_pictures_and_no_queue_before_the_size(camera: str) -> None:
    with WebcamSource(camera, size_wh=(640, 480)):
        settings = FakeCapture.made[0].settings
    assert settings[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert settings[cv2.CAP_PROP_BUFFERSIZE] == 1
    order = list(settings)
    assert order.index(cv2.CAP_PROP_FOURCC) < order.index(cv2.CAP_PROP_FRAME_WIDTH)


def test_closing_while_another_thread_reads_leaves_the_release_to_it(
    camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = WebcamSource(camera)
    frames = source.frames()
    next(frames)
    during: list[bool] = []

    def read(capture: FakeCapture) -> tuple[bool, None]:
        source.close()
        during.append(capture.is_released)
        return False, None

    monkeypatch.setattr(FakeCapture, "read", read)
    with pytest.raises(StreamLostError), source:
        next(frames)
    assert during == [False]
    assert FakeCapture.made[0].is_released


def test_a_camera_without_pictures_is_busy(camera: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCapture, "read", lambda _: (False, None))
    with pytest.raises(SourceBusyError, match=r"gives no picture: close the program that uses it"):
        WebcamSource(camera)
    assert FakeCapture.made[0].is_released


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has device files")
def test_real_opencv_with_what_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    with pytest.raises(SourceBusyError, match="gives no picture"):
        WebcamSource(str(tmp_path / "video0"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has device files")
@pytest.mark.parametrize("device", [97, "/dev/video97"])
def test_missing_camera(device: int | str) -> None:
    with pytest.raises(
        SourceNotFoundError, match=r"\(/dev/video97\) does not exist, .*: plug it in or name another"
    ):
        WebcamSource(device)
