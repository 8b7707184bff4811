"""H.264 for WebRTC: a fraction of what JPEGs take on the way, and encoded once as well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.video.frame import PictureType, VideoFrame

from maskcam.types import Image
from maskcam.web.live.forms import Encoder, Form, Onlooker
from maskcam.web.live.jpeg import shrink

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext

TICKS = 90_000
"""Of RTP's clock for video, per second."""
_KEY_SECONDS = 2.0
"""Between key frames: for so long at most a browser that has lost a packet sees nothing new. It cannot ask for one,
since all share what is encoded."""
_MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class H264Form(Form):
    """Size; no wider than that, and a multiple of two."""

    width: int = 1280

    def open(self) -> Encoder:
        return _H264Encoder(self.width)


class _H264Encoder(Encoder):
    def __init__(self, width: int) -> None:
        self._width = width
        self._codec: VideoCodecContext | None = None
        self._size_wh = (0, 0)
        self._pts = -1
        self._key_pts = 0

    def encode(self, image: Image, *, seconds: float, is_first: bool) -> list[Packet[Any]]:
        image = shrink(image, self._width)
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._codec is None or self._size_wh != (width, height):
            self._codec, self._size_wh, is_first = _open_codec(width, height), (width, height), True
        frame = VideoFrame.from_ndarray(image[:height, :width], format="bgr24")
        # time never stands still: a newcomer is shown the last picture, which others have seen already
        self._pts = max(self._pts + 1, round(seconds * TICKS))
        frame.pts, frame.time_base = self._pts, Fraction(1, TICKS)
        if is_first or self._pts - self._key_pts >= _KEY_SECONDS * TICKS:
            frame.pict_type, self._key_pts = PictureType.I, self._pts
        return self._codec.encode(frame)


def _open_codec(width: int, height: int) -> VideoCodecContext:
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = width, height
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, TICKS)
    codec.gop_size = 1_000_000  # by the clock, above
    codec.thread_count = 1
    # baseline is what every browser must know; no more than 4 Mbit/s, however much moves
    codec.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "crf": "24",
        "maxrate": "4M",
        "bufsize": "2M",
    }
    return codec


class PacketOnlooker(Onlooker):
    """Has a few packets wait; when there are too many it goes on with the next key frame."""

    def __init__(self, form: H264Form) -> None:
        super().__init__(form)
        self._waiting: asyncio.Queue[Packet[Any]] = asyncio.Queue()
        self._needs_key = True

    def put(self, camera: str, encoded: list[Packet[Any]]) -> None:  # noqa: ARG002  there is but one
        for packet in encoded:
            if self._waiting.qsize() >= _MOST_WAITING:
                self._drop_waiting()
            if self._needs_key and not packet.is_keyframe:
                continue
            self._needs_key = False
            self._waiting.put_nowait(packet)

    async def next(self) -> Packet[Any]:
        """The next packet, once there is one."""
        return await self._waiting.get()

    def _drop_waiting(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._needs_key = True
