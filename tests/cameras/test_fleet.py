"""The cameras of the fleet do what their behaviours say, as seen by plain PyAV."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from av.container import InputContainer

from maskcam.sources import open_source
from maskcam.types import Image
from tests.cameras import Behaviour, Camera, MjpegCamera, RtspCamera
from tests.cameras.clips import SMALL

TINY: dict[str, Any] = {"size_wh": (320, 180), "clip_seconds": 3.0}
TIMEOUT_SECONDS = 1.0


@dataclass
class Seen:
    """What a client saw."""

    images: list[Image] = field(default_factory=list)
    times_seconds: list[float] = field(default_factory=list)
    error_count: int = 0

    def sizes_wh(self) -> list[tuple[int, int]]:
        """Without repetitions."""
        sizes = [(image.shape[1], image.shape[0]) for image in self.images]
        return [sizes[0], *(size for before, size in pairwise(sizes) if size != before)]


def connect(url: str) -> InputContainer:
    """A client that does not guess the frame rate first, and to whom a damaged picture is an error."""
    options = {"analyzeduration": "300000"}
    if url.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    container = av.open(url, options=options, timeout=(3.0, TIMEOUT_SECONDS))
    container.streams.video[0].codec_context.options = {"err_detect": "explode"}
    return container


def look(container: InputContainer, seconds: float) -> Seen:
    """Decodes for that long."""
    seen = Seen()
    end_seconds = time.monotonic() + seconds
    for packet in container.demux(video=0):
        try:
            pictures = packet.decode()
        except av.InvalidDataError:
            seen.error_count += 1
            continue
        for picture in pictures:
            seen.error_count += picture.is_corrupt
            seen.images.append(np.asarray(picture.to_ndarray(format="bgr24"), np.uint8))
            seen.times_seconds.append(picture.time or 0.0)
        if time.monotonic() > end_seconds:
            break
    return seen


def difference(image: Image, camera: Camera) -> float:
    """Mean absolute difference to the most similar picture of the clip."""
    probe = image[::8, ::8].astype(np.int16)
    return min(float(np.abs(probe - clean[::8, ::8]).mean()) for clean in camera.pictures())


def is_cut_off(container: InputContainer) -> bool:
    """Whether the other side hangs up, which must not take as long as a timeout."""
    start_seconds = time.monotonic()
    with suppress(OSError):
        look(container, 5.0)
    return time.monotonic() - start_seconds < TIMEOUT_SECONDS


def test_serves_the_clip_at_its_own_pace(camera: Camera) -> None:
    with connect(camera.url) as container:
        look(container, 0.5)  # what had been gathered while it was opened
        start_seconds = time.monotonic()
        seen = look(container, 1.5)
        rate = len(seen.images) / (time.monotonic() - start_seconds)
    assert rate == pytest.approx(15.0, rel=0.1)
    assert seen.error_count == 0
    assert max(difference(image, camera) for image in seen.images[::5]) == 0
    assert len({image.tobytes() for image in seen.images}) > 15  # it moves


def test_refuses_and_comes_back_on_the_same_port(camera: Camera) -> None:
    with connect(camera.url) as container:
        camera.behave(Behaviour.REFUSE)
        assert is_cut_off(container)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            connect(camera.url)
    camera.behave(Behaviour.NORMAL)
    with connect(camera.url) as container:
        assert look(container, 0.2).images


def test_drops_its_clients_and_takes_them_back(camera: Camera) -> None:
    with connect(camera.url) as container:
        camera.behave(Behaviour.DROP)
        assert is_cut_off(container)
    with connect(camera.url) as container:
        assert look(container, 0.2).images


def test_demands_a_password_on_command(camera: Camera) -> None:
    with connect(camera.url) as container:
        camera.behave(Behaviour.PASSWORD)
        assert is_cut_off(container)
    with pytest.raises(av.HTTPUnauthorizedError):
        connect(camera.url)
    connect(camera.url.replace("://", "://somebody:else@")).close()


@pytest.mark.parametrize("kind", [RtspCamera, MjpegCamera])
def test_demands_a_password_always(kind: type[Camera]) -> None:
    with kind(**SMALL, credentials="admin:hunter2") as camera:
        assert "admin:hunter2@" in camera.url
        connect(camera.url).close()
        for user in ("", "admin:wrong@"):
            with pytest.raises(av.HTTPUnauthorizedError):
                connect(camera.url.replace("admin:hunter2@", user))


@pytest.mark.parametrize("behaviour", [Behaviour.HANG, Behaviour.SILENCE])
def test_stops_sending_without_closing(camera: Camera, behaviour: Behaviour) -> None:
    with connect(camera.url) as container:
        camera.behave(behaviour)
        with pytest.raises(av.ExitError):  # PyAV's timeout
            look(container, 30.0)


def test_when_silent_it_answers_and_when_hung_not(camera: Camera) -> None:
    address = urlsplit(camera.url)
    if isinstance(camera, RtspCamera):
        request = f"OPTIONS {camera.url} RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    else:
        request = f"GET {address.path} HTTP/1.1\r\nHost: camera\r\n\r\n"
    for behaviour in (Behaviour.SILENCE, Behaviour.HANG):
        camera.behave(behaviour)
        with socket.create_connection((address.hostname, address.port), timeout=0.5) as client:
            client.sendall(request.encode())
            if behaviour is Behaviour.SILENCE:
                assert b" 200 OK\r\n" in client.recv(4096)
            with pytest.raises(TimeoutError):
                client.recv(4096)


def test_goes_on_in_the_middle_of_a_packet_where_it_had_hung(camera: Camera) -> None:
    with connect(camera.url) as container:
        camera.behave(Behaviour.HANG)
        threading.Timer(0.4, camera.behave, [Behaviour.NORMAL]).start()
        seen = look(container, 1.5)
    assert len(seen.images) > 5
    assert difference(seen.images[-1], camera) == 0


def test_damages_some_pictures(camera: Camera) -> None:
    with connect(camera.url) as container:
        for behaviour in (Behaviour.LOSE, Behaviour.CORRUPT):
            camera.behave(behaviour)
            damaged = look(container, 1.5)
            camera.behave(Behaviour.NORMAL)
            look(container, 0.7)  # until the next key frame
            healed = look(container, 0.3)
            assert damaged.error_count > 0
            assert damaged.images
            assert healed.error_count == 0
            assert difference(healed.images[-1], camera) == 0


def test_changes_its_size_in_the_middle_of_the_stream(camera: Camera) -> None:
    with connect(camera.url) as container:
        look(container, 0.3)
        camera.behave(Behaviour.RESIZE)
        threading.Timer(0.7, camera.behave, [Behaviour.NORMAL]).start()
        seen = look(container, 1.4)
    assert seen.sizes_wh()[-2:] == [TINY["size_wh"], SMALL["size_wh"]]
    assert seen.error_count == 0


def test_time_stamps_jump_ahead_and_back(rtsp_camera: Camera) -> None:
    with connect(rtsp_camera.url) as container:
        look(container, 0.3)
        rtsp_camera.behave(Behaviour.JUMP)
        threading.Timer(0.7, rtsp_camera.behave, [Behaviour.NORMAL]).start()
        seen = look(container, 1.4)
    steps = np.diff(seen.times_seconds)
    jumps = steps[np.abs(steps) > 1]
    np.testing.assert_allclose(jumps, [3600, -3600], atol=0.2)


def test_jpegs_have_no_time_stamps(mjpeg_camera: Camera) -> None:
    with pytest.raises(ValueError, match="no time stamps"):
        mjpeg_camera.behave(Behaviour.JUMP)


@pytest.mark.parametrize("kind", [RtspCamera, MjpegCamera])
@pytest.mark.parametrize("fps", [2.0, 60.0])
def test_rates(kind: type[Camera], fps: float) -> None:
    with kind(fps=fps, **TINY) as camera, connect(camera.url) as container:
        look(container, 0.5)
        start_seconds = time.monotonic()
        seen = look(container, 1.4)
        rate = len(seen.images) / (time.monotonic() - start_seconds)
    assert rate == pytest.approx(fps, rel=0.1)


def test_h265() -> None:
    with RtspCamera(**SMALL, codec="h265") as camera, connect(camera.url) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        seen = look(container, 1.2)
        assert difference(seen.images[-1], camera) == 0


def test_open_source_reads_them(camera: Camera) -> None:
    with open_source(camera.url, timeout_seconds=5.0) as source:
        frames = [frame for frame, _ in zip(source, range(5), strict=False)]
    assert source.info.is_live
    assert {frame.size_wh for frame in frames} == {SMALL["size_wh"]}


@pytest.mark.parametrize("kind", [RtspCamera, MjpegCamera])
def test_leaves_nothing_behind(kind: type[Camera]) -> None:
    def ours() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208  counts, no paths

    before = ours()
    with kind(**SMALL) as camera:
        port = urlsplit(camera.url).port
        camera.behave(Behaviour.HANG)
    assert ours() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
