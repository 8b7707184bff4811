"""Watches an open container packet by packet: network cameras and files."""

from __future__ import annotations

import time
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from maskcam.probing.looking import Looker
from maskcam.probing.report import KeyFrames, Rhythm, Video
from maskcam.probing.rhythm import (
    Arrival,
    Timeline,
    bit_rate,
    key_frames,
    mend,
    rate,
    rhythm,
    without_backlog,
)
from maskcam.sources.decoding import nominal_fps, video_stream
from maskcam.sources.stream import WITHOUT_TIME_STAMPS

_ASSUMED_FPS = 25.0


class PacketProbe:
    """Reads the best video stream of a container for a while.

    Of a live stream, packets are received first and decoded when all are there: decoding in between would make those
    that wait seem late. A file is decoded as it is read, since it may be larger than the memory.

    Args:
        container: open for reading; whoever opened it closes it, once nothing more is asked of this.
        name: of the source, for messages.
        is_live: the source sets the pace.

    Raises:
        SourceError: there is no video in it, or it cannot be decoded here.
    """

    def __init__(self, container: InputContainer, *, name: str, is_live: bool) -> None:
        self._container = container
        self._stream = video_stream(container, name)
        self._is_live = is_live
        self._is_stamped = not is_live or container.format.name not in WITHOUT_TIME_STAMPS
        self._fps = self._nominal_fps()
        self._arrivals: list[Arrival] = []
        self.looker = Looker(self._stream, is_live=is_live)
        self.seconds = 0.0
        """For which it was watched."""
        self.broke_off: str | None = None
        """What FFmpeg says of the fault that ended it too early; None where there was none. Without addresses."""

    def watch(self, seconds: float) -> None:
        """Receives for that long, or to the end, and decodes what came; for no longer than that again."""
        started_seconds = time.monotonic()
        kept: list[Packet[VideoStream]] = []
        fps = self._fps or _ASSUMED_FPS
        try:
            for packet in self._packets():
                if not self._is_live:
                    self.looker.take(packet, len(self._arrivals) / fps)
                elif packet.size:
                    kept.append(packet)
                if time.monotonic() - started_seconds >= seconds:
                    break
            else:
                self.broke_off = "the other side hung up" if self._is_live else None
        except av.FFmpegError as error:
            is_timeout = isinstance(error, av.ExitError | TimeoutError)
            self.broke_off = "no more data" if is_timeout else error.strerror
        self.seconds = time.monotonic() - started_seconds
        if self.broke_off is not None:
            kept = kept[:-1]  # torn by the end, and no damage beside it
        latest_seconds = time.monotonic() + seconds
        for packet, arrival in zip(kept, self._arrivals, strict=False):
            self.looker.take(packet, arrival.seconds)
            if time.monotonic() > latest_seconds:
                break

    def video(self) -> Video:
        """What was sent."""
        arrivals, context = self._timely(), self._stream.codec_context
        pictures = self.looker.pictures.decoded
        return Video(
            codec=context.codec.canonical_name,
            profile=context.profile,
            pixel_format=context.pix_fmt,
            sizes_wh=tuple(self.looker.sizes_wh),
            nominal_fps=self._fps,
            measured_fps=rate(arrivals)
            if self._is_live
            else (pictures / self.seconds if pictures > 1 else None),
            bits_per_second=bit_rate(arrivals, self._timeline()),
        )

    def key_frames(self) -> KeyFrames:
        """How often they came."""
        return key_frames(self._timely(), self._timeline())

    def rhythm(self) -> Rhythm:
        """How evenly packets came, and whether their time stamps are in order."""
        return rhythm(self._timely(), self._timeline(), is_live=self._is_live)

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """The packets, each noted; at the end, the empty one that empties the decoder."""
        before_seconds = time.monotonic()
        for packet in self._container.demux(self._stream):
            now_seconds = time.monotonic()
            if packet.size:
                waited_seconds = now_seconds - before_seconds
                self._arrivals.append(
                    Arrival(now_seconds, self._stamp(packet), waited_seconds, packet.size, packet.is_keyframe)
                )
            yield packet
            before_seconds = time.monotonic()

    def _stamp(self, packet: Packet[VideoStream]) -> float | None:
        """In order of decoding, pictures are shown in no order."""
        stamp = packet.dts
        if stamp is None or packet.time_base is None or not self._is_stamped:
            return None
        return float(stamp * packet.time_base)

    def _nominal_fps(self) -> float | None:
        if not self._is_stamped:
            return None
        known = (
            None if self._is_live else self._stream.average_rate
        )  # of a stream, it is that of the first moments
        return nominal_fps(known or self._stream.guessed_rate)

    def _timeline(self) -> Timeline:
        usual_seconds = 1 / (self._fps or _ASSUMED_FPS)
        return mend(self._timely(), is_live=self._is_live, usual_seconds=usual_seconds)

    def _timely(self) -> list[Arrival]:
        return list(without_backlog(self._arrivals) if self._is_live else self._arrivals)
