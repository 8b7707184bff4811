"""One camera of each kind per test file: starting them takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cameras import Behaviour, Camera, MjpegCamera, RtspCamera
from tests.cameras.clips import SMALL


@pytest.fixture(scope="module")
def rtsp_camera() -> Iterator[Camera]:
    with RtspCamera(**SMALL, key_frame_seconds=0.5) as camera:
        yield camera


@pytest.fixture(scope="module")
def mjpeg_camera() -> Iterator[Camera]:
    with MjpegCamera(**SMALL) as camera:
        yield camera


@pytest.fixture(params=["rtsp", "mjpeg"])
def camera(request: pytest.FixtureRequest) -> Iterator[Camera]:
    """Both kinds, in good order before and after."""
    camera: Camera = request.getfixturevalue(f"{request.param}_camera")
    yield camera
    camera.behave(Behaviour.NORMAL)
