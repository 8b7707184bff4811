"""Media for the tests of sources, made with PyAV and OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import Image


def corner_picture(size_wh: tuple[int, int] = (96, 64), *, bar: int = 0) -> Image:
    """Grey noise, a red square in the upper left corner, and a white bar whose place tells frames apart."""
    width, height = size_wh
    image = np.random.default_rng(bar).integers(80, 112, (height, width, 1), np.uint8).repeat(3, axis=2)
    image[: height // 4, : width // 4] = (0, 0, 255)
    image[-height // 4 :, bar % width : bar % width + 8] = 255
    return image


def red_corner(image: Image) -> str:
    """In which corner the red square is: "top left" and so on."""
    height, width = image.shape[:2]
    rows, columns = (image[:, :, 2].astype(int) - image[:, :, 0] > 100).nonzero()
    vertical = "top" if rows.mean() < height / 2 else "bottom"
    return f"{vertical} {'left' if columns.mean() < width / 2 else 'right'}"


def bar_of(image: Image) -> int:
    """The left edge of the white bar, to within a pixel."""
    brightness = image[-8:].astype(int).sum(axis=(0, 2))
    return int(np.convolve(brightness, np.ones(8), "valid").argmax())


def write_video(
    path: Path,
    *,
    frame_count: int = 30,
    size_wh: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts_ms: Sequence[int] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound_seconds: float = 0.0,
) -> Path:
    """A video at 25 fps, or with the given times; `rotation` is (degrees, hflip, vflip)."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        video = container.add_stream(codec, rate=25, options=options or {})
        assert isinstance(video, av.VideoStream)
        video.width, video.height = size_wh
        video.pix_fmt = pix_fmt
        if pts_ms is not None:
            video.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            video.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
        sound = container.add_stream("aac", rate=16000) if sound_seconds else None
        for index in range(frame_count):
            frame = av.VideoFrame.from_ndarray(corner_picture(size_wh, bar=index * 3), format="bgr24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts = index if pts_ms is None else pts_ms[index]
            frame.time_base = Fraction(1, 25) if pts_ms is None else Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            assert isinstance(sound, av.AudioStream)
            _write_silence(container, sound, sound_seconds)
    return path


def write_sound(path: Path, *, codec: str = "aac") -> Path:
    """Half a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=16000)
        assert isinstance(sound, av.AudioStream)
        _write_silence(container, sound, 0.5)
    return path


def cut(path: Path, to: Path, *, share: float = 0.6) -> Path:
    """A copy that ends too early."""
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


def cut_within_packet(path: Path, to: Path, *, number: int) -> Path:
    """A copy that ends in the middle of a packet of its video."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
    assert packet.pos is not None
    to.write_bytes(path.read_bytes()[: packet.pos + packet.size // 2])
    return to


def write_picture(path: Path, pixels: NDArray[Any], *, params: Sequence[int] = ()) -> Path:
    """Whatever OpenCV writes for that ending."""
    assert cv2.imwrite(str(path), pixels, list(params))
    return path


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The same JPEG with an EXIF header that says how the camera was held."""
    tiff = (
        b"MM\0*\0\0\0\x08"
        + b"\0\x01"
        + b"\x01\x12\0\x03\0\0\0\x01"
        + bytes([0, orientation])
        + b"\0\0"
        + b"\0" * 4
    )
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


def _write_silence(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    for start in range(0, int(seconds * 16000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        frame.pts = start
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
