"""Decodes what was received as `watch` and `process` do, and keeps count of what it costs and what is lost."""

from __future__ import annotations

import time

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from maskcam.probing.report import Pictures
from maskcam.sources.decoding import PictureReader
from maskcam.types import Image

_MOST_SAMPLES = 12
"""Of 4K, a third of a gigabyte."""


class Samples:
    """Pictures about a second apart; further apart, where there would be too many."""

    def __init__(self) -> None:
        self._apart_seconds = 1.0
        self._next_seconds = float("-inf")
        self.images: list[Image] = []

    def offer(self, image: Image, at_seconds: float) -> None:
        """Keeps the picture if its time has come.

        Args:
            image: kept as it is.
            at_seconds: of any clock that never steps back.
        """
        if at_seconds < self._next_seconds:
            return
        self.images.append(image)
        if len(self.images) > _MOST_SAMPLES:
            self.images = self.images[::2]
            self._apart_seconds *= 2
        self._next_seconds = at_seconds + self._apart_seconds


class Looker:
    """Decodes packets one by one.

    Of a live stream, whatever builds upon damage is dropped up to the next clean key frame, as in
    `maskcam.sources.live_decoding`; a file is decoded as it is.

    Args:
        stream: of an open container.
        is_live: see above.
    """

    def __init__(self, stream: VideoStream, *, is_live: bool) -> None:
        self._context = stream.codec_context
        self._is_live = is_live
        self._awaits_key_frame = is_live
        self._is_dirty = is_live  # until a key frame has come out: B-frames hold it back for a while
        self._decoded = self._corrupt = self._skipped = self._awaiting = 0
        self._seconds = 0.0
        self.first_seconds: float | None = None
        """When the first clean picture was there."""
        self.sizes_wh: dict[tuple[int, int], None] = {}
        self.samples = Samples()
        self._pictures = PictureReader()
        stream.thread_type = "NONE" if is_live else "AUTO"
        if is_live:  # as `maskcam.sources.live_decoding` does it, so that damage is counted as there
            self._context.thread_count = 1
            self._context.options = {"err_detect": "explode"}

    @property
    def pictures(self) -> Pictures:
        """What came of the packets so far."""
        return Pictures(self._decoded, self._corrupt, self._skipped, self._awaiting)

    @property
    def milliseconds(self) -> float | None:
        """To decode a picture and convert it to BGR, the mean; None without pictures."""
        return 1000 * self._seconds / self._decoded if self._decoded else None

    def take(self, packet: Packet[VideoStream], at_seconds: float) -> None:
        """Decodes a packet.

        Args:
            packet: in order of decoding.
            at_seconds: when it came, of any clock that never steps back.
        """
        started_seconds = time.perf_counter()
        if packet.is_corrupt:
            self._lose()
        elif self._awaits_key_frame and not packet.is_keyframe:
            self._leave_out()
        else:
            self._awaits_key_frame = False
            images = self._decode(packet)
            self._seconds += time.perf_counter() - started_seconds
            for image in images:
                if self.first_seconds is None:
                    self.first_seconds = at_seconds + self._seconds
                self.sizes_wh[image.shape[1], image.shape[0]] = None
                self.samples.offer(image, at_seconds)

    def _decode(self, packet: Packet[VideoStream]) -> list[Image]:
        try:
            pictures = self._context.decode(packet)
        except av.FFmpegError:
            # before the first picture, a recording that starts between two key frames: nothing was lost
            if self._is_live or self._decoded:
                self._lose()
            return []
        return [image for picture in pictures if (image := self._clean(picture)) is not None]

    def _clean(self, picture: VideoFrame) -> Image | None:
        if picture.is_corrupt:
            self._lose()
        elif self._is_dirty and not picture.key_frame:
            self._leave_out()
        else:
            self._is_dirty = False
            self._decoded += 1
            return self._pictures.image(picture)
        return None

    def _lose(self) -> None:
        self._awaits_key_frame = self._is_dirty = self._is_live
        self._corrupt += 1

    def _leave_out(self) -> None:
        if self._decoded or self._corrupt:
            self._skipped += 1
        else:
            self._awaiting += 1
