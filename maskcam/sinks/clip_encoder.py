"""Encodes the frames of a camera that encodes nothing that may be copied, for its clips."""

from __future__ import annotations

import math

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from maskcam.sinks.clock import TICKS_PER_SECOND
from maskcam.sinks.h264 import TICK, even_size, set_up, video_frame
from maskcam.types import EncodedPicture, Image

_KEY_SECONDS = 1.0
_OPTIONS = {
    "preset": "superfast",
    "crf": "26",
    "tune": "zerolatency",  # nothing is held back: what has been shown is there when a clip ends
    "forced-idr": "1",
    "g": "1000",  # key pictures come by time, whatever the rate
}


class ClipEncoder:
    """Encodes the pictures of one camera, with a key picture every second."""

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None
        self._size_wh = (0, 0)
        self._key_ticks = -math.inf
        self._last_ticks = -1

    def encode(self, image: Image, pts_seconds: float) -> tuple[EncodedPicture, ...]:
        """Encodes one picture; another size than before begins anew.

        Args:
            image: (H, W, 3) uint8, BGR.
            pts_seconds: when it is shown, later than the one before.

        Raises:
            av.FFmpegError: it cannot be encoded.
        """
        if self._context is None or even_size(image) != self._size_wh:
            self._context = self._open(even_size(image))
        frame = video_frame(image, self._size_wh)
        ticks = max(round(pts_seconds * TICKS_PER_SECOND), self._last_ticks + 1)
        frame.pts, frame.time_base, self._last_ticks = ticks, TICK, ticks
        if ticks - self._key_ticks >= _KEY_SECONDS * TICKS_PER_SECOND:
            frame.pict_type, self._key_ticks = PictureType.I, ticks
        return tuple(
            EncodedPicture(bytes(packet), (packet.pts or 0) / TICKS_PER_SECOND, packet.is_keyframe)
            for packet in self._context.encode(frame)
        )

    def _open(self, size_wh: tuple[int, int]) -> VideoCodecContext:
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height = self._size_wh = size_wh
        set_up(context, threads=1)
        context.options = _OPTIONS
        self._key_ticks, self._last_ticks = -math.inf, -1
        return context
