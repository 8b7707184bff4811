"""The demo clip as cameras would encode it: made once for each kind and process, then served without any work."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import numpy as np
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext

from maskcam.types import Image
from tests.cameras.units import read_units, write_units

Codec = Literal["h264", "h265", "mjpeg"]

SMALL: dict[str, Any] = {"size_wh": (640, 360), "clip_seconds": 3.0}
"""What most tests need of a camera: quick to encode, and over soon."""

_DEMO = Path(__file__).resolve().parents[2] / "samples" / "demo.mp4"
_NAL_START = re.compile(rb"\x00?\x00\x00\x01")


@functools.cache
def encoded_clip(
    codec: Codec, size_wh: tuple[int, int], fps: float, key_frame_seconds: float, clip_seconds: float
) -> Path:
    """A file of units, see `tests.cameras.units`; without pictures that refer to later ones, as in cameras."""
    width, height = size_wh
    path = _folder() / f"{codec}-{width}x{height}-{fps:g}-{key_frame_seconds:g}-{clip_seconds:g}.units"
    images = islice(_demo(size_wh, fps), round(clip_seconds * fps))
    if codec == "mjpeg":
        write_units(path, [_jpeg(image) for image in images])
        return path
    encoder = _encoder(codec, size_wh, fps, key_frame_seconds)
    units: list[bytes] = []
    for index, image in enumerate(images):
        picture = av.VideoFrame.from_ndarray(image, format="bgr24")
        picture.pts = index
        units += [bytes(packet) for packet in encoder.encode(picture)]
    units += [bytes(packet) for packet in encoder.encode(None)]
    write_units(path, [_parameter_sets(codec, units[0]), *units])
    return path


@functools.cache
def clip_pictures(codec: Codec, path: Path) -> tuple[Image, ...]:
    """What a camera that serves this clip shows, picture by picture, when nothing goes wrong."""
    if codec == "mjpeg":
        codec_name, units = "mjpeg", read_units(path)
    else:
        codec_name, units = {"h264": "h264", "h265": "hevc"}[codec], read_units(path)[1:]
    decoder = CodecContext.create(codec_name, "r")
    assert isinstance(decoder, VideoCodecContext)
    packets = [av.Packet(unit) for unit in units]
    pictures = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    return tuple(_bgr(picture) for picture in pictures)


def _jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="maskcam-cameras-"))
    atexit.register(shutil.rmtree, folder)
    return folder


def _demo(size_wh: tuple[int, int], fps: float) -> Iterator[Image]:
    """The pictures of the demo clip at another rate: some twice, or some not at all."""
    shown = 0
    with av.open(str(_DEMO)) as container:
        for picture in container.decode(video=0):
            image: Any = None
            while shown / fps < picture.time + 1 / 25:
                if image is None:
                    image = cv2.resize(_bgr(picture), size_wh, interpolation=cv2.INTER_AREA)
                yield image
                shown += 1


def _bgr(picture: av.VideoFrame) -> Image:
    return np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)


def _encoder(
    codec: Codec, size_wh: tuple[int, int], fps: float, key_frame_seconds: float
) -> VideoCodecContext:
    group = max(1, round(fps * key_frame_seconds))
    library, preset = {"h264": ("x264", "superfast"), "h265": ("x265", "ultrafast")}[codec]
    encoder = CodecContext.create(f"lib{library}", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = size_wh
    encoder.pix_fmt = "yuv420p"
    encoder.thread_count = 1  # more would cut every picture into slices
    encoder.framerate = Fraction(fps)
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {
        "preset": preset,
        "crf": "26",
        f"{library}-params": f"keyint={group}:min-keyint={group}:scenecut=0:bframes=0:repeat-headers=1"
        + (":log-level=error" if library == "x265" else ""),
    }
    return encoder


def _parameter_sets(codec: Codec, unit: bytes) -> bytes:
    """What stands before the first piece of picture in a key frame."""
    for start in _NAL_START.finditer(unit):
        head = unit[start.end()]
        if (codec == "h264" and head & 31 == 5) or (codec == "h265" and head >> 1 & 63 < 32):
            return unit[: start.start()]
    raise AssertionError("a key frame without a picture")
