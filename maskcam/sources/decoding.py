"""Frames out of an open PyAV container that has an end: how files are decoded."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from maskcam.errors import SourceError, StreamFault
from maskcam.pixels import ArrayPixels, Pixels
from maskcam.sources.pixels import make_upright, to_bgr
from maskcam.sources.planes import LAZY_FORMATS, PlanarPixels
from maskcam.sources.spans import Span
from maskcam.sources.tape import EncodedTape
from maskcam.types import Frame, Image

_ASSUMED_FPS = 25.0
"""FFmpeg's own assumption for files that say nothing."""
_HIGHEST_FPS = 1000.0
"""Above it, the rate is the tick of the container's clock (90000 for RTP) and not that of the frames."""
_JITTER_SECONDS = 1.0
"""A clock that steps back by less wobbles; by more, it has been set anew (two recordings joined into one)."""
_SLACK_SECONDS = 0.5
"""Containers round and estimate their duration: only when more than this is missing is a file cut off."""


class VideoDecoder:
    """Decodes the best video stream of a container; knows what was lost on the way.

    Args:
        container: open for reading; whoever opened it closes it.
        name: of the source, for frames and messages.
        span: the part whose frames are wanted; None: all of them.

    Raises:
        SourceError: there is no video in it, or it cannot be decoded here.
    """

    def __init__(self, container: InputContainer, *, name: str, span: Span | None = None) -> None:
        self._container = container
        self._span = span
        self._name = name
        self._is_matroska = container.format.name.startswith("matroska")
        self._stream = video_stream(container, name)
        # a graphics card works on several frames by itself
        self._stream.thread_type = "NONE" if self._stream.codec_context.is_hwaccel else "AUTO"
        self._start_seconds: float | None = None
        if container.start_time is not None:
            # of the whole container: sound that begins before the picture stays in step with it
            self._start_seconds = container.start_time / av.time_base
        self._pictures = PictureReader()
        self._tape = EncodedTape(self._stream.codec_context)
        self._next_index = 0
        self._last_seconds = 0.0
        self.end_seconds = 0.0
        """When the last frame so far stops being shown."""
        self._bad_packets = 0
        self._last_packet_is_torn = False

    @property
    def fps(self) -> float | None:
        """Nominal frames per second, the mean where it varies; None where the stream does not say."""
        return nominal_fps(self._stream.average_rate or self._stream.guessed_rate)

    @property
    def duration_seconds(self) -> float | None:
        """Length of the video stream as the container states it; None when unknown or endless."""
        own_seconds = self._own_duration_seconds()
        if own_seconds is None and self._container.duration:
            own_seconds = self._container.duration / av.time_base
        if own_seconds is not None and self._is_matroska:
            own_seconds -= self._start_seconds or 0.0  # its "duration" is the time at the end
        return own_seconds

    @property
    def frame_count(self) -> int | None:
        """An estimate; None when unknown or endless."""
        if self._stream.frames:
            return self._stream.frames
        if self.duration_seconds is None or self.fps is None:
            return None
        return round(self.duration_seconds * self.fps)

    def frames(self) -> Generator[Frame, None, None]:
        """Yields every frame that can be decoded, upright; of a span, those in it.

        Raises:
            av.FFmpegError: reading failed and is over. It may hold the URL with its password: never show it.
        """
        return self._every_frame() if self._span is None else self._frames_in(self._span)

    def _frames_in(self, span: Span) -> Generator[Frame, None, None]:
        if span.seek_pts is not None:
            self._container.seek(span.seek_pts, stream=self._stream, backward=True)
        index = span.first_index
        for frame in self._every_frame():
            if frame.pts_seconds >= span.end_seconds:
                return
            if frame.pts_seconds >= span.begin_seconds:
                yield replace(frame, index=index)
                index += 1

    def _every_frame(self) -> Generator[Frame, None, None]:
        try:
            for packet in self._packets():
                if packet.size:  # an empty one stands for the end
                    self._keep(packet)
                yield from self._decode(packet)
        except av.FFmpegError:
            yield from self._decode(None)  # what is still in the decoder is good
            raise

    def check_complete(self) -> None:
        """To be called at the end of a finite source.

        Raises:
            SourceError: frames are missing: the file was cut off, or parts of it could not be decoded.
        """
        if self._span is not None:  # only whoever reads all of it can tell
            return
        is_of_video = self._own_duration_seconds() is not None or len(self._container.streams) == 1
        stated_seconds = self.duration_seconds if is_of_video else None
        slack_seconds = _SLACK_SECONDS + 2 / (self.fps or _ASSUMED_FPS)
        if stated_seconds is not None and self.end_seconds < stated_seconds - slack_seconds:
            where = f"after {self.end_seconds:.1f} s of {stated_seconds:.1f} s"
        elif self._last_packet_is_torn:
            where = f"after {self.end_seconds:.1f} s, in the middle of a frame"
        elif self._bad_packets:
            raise SourceError(
                f"{self._name} is damaged: {self._bad_packets} of its frames could not be decoded;"
                " the others were used."
            )
        else:
            return
        raise SourceError(
            f"{self._name} is damaged: it breaks off {where}; what came before was used,"
            " for the rest get the file anew."
        )

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """The packets of the stream; a torn one only if others follow.

        A file that was cut off ends with a torn packet. Decoding it yields garbage at best, and at worst its
        error makes PyAV forget the good frames that are still in the decoder.
        """
        torn: Packet[VideoStream] | None = None
        for packet in self._container.demux(self._stream):
            is_flush = packet.size == 0 and packet.dts is None
            if torn is not None:
                if is_flush:
                    self._last_packet_is_torn = True
                else:
                    yield torn
                torn = None
            if packet.is_corrupt:
                torn = packet
            else:
                yield packet

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        try:
            pictures = self._stream.decode(packet)
        except av.FFmpegError:
            # before the first picture, this is a recording that starts between two key frames: nothing was
            # lost
            self._bad_packets += self._next_index > 0
            self._tape.cut()
            return
        for picture in pictures:
            yield self._frame(picture)

    def _frame(self, picture: VideoFrame) -> Frame:
        seconds = self._seconds(picture)
        shown_seconds = 1 / (self.fps or _ASSUMED_FPS)
        if picture.duration and picture.time_base:
            shown_seconds = float(picture.duration * picture.time_base)
        self._last_seconds, self.end_seconds = seconds, seconds + shown_seconds
        frame = Frame(
            pixels=self._pictures.pixels(picture),
            index=self._next_index,
            pts_seconds=seconds,
            captured_seconds=time.monotonic(),
            camera=self._name,
            encoded=self._tape.take(picture),
        )
        self._next_index += 1
        return frame

    def _keep(self, packet: Packet[VideoStream]) -> None:
        seconds = None
        if packet.pts is not None and packet.time_base is not None and self._start_seconds is not None:
            seconds = float(packet.pts * packet.time_base) - self._start_seconds
        self._tape.add(bytes(packet), pts_seconds=seconds, is_key=packet.is_keyframe)

    def _seconds(self, picture: VideoFrame) -> float:
        """Seconds since the start, never less than those of the frame before."""
        if picture.pts is None or picture.time_base is None:
            return self.end_seconds
        own_seconds = float(picture.pts * picture.time_base)
        if self._start_seconds is None:
            self._start_seconds = own_seconds
        seconds = own_seconds - self._start_seconds
        if seconds < self._last_seconds - _JITTER_SECONDS:
            self._start_seconds += seconds - self.end_seconds
            return self.end_seconds
        return max(seconds, self._last_seconds)

    def _own_duration_seconds(self) -> float | None:
        """What is stated of the video itself: its sound may last longer."""
        if self._is_matroska:  # FFmpeg now and then fills in the duration of the whole file for the stream
            return _clock_seconds(self._stream.metadata.get("DURATION", ""))
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return None


def nominal_fps(rate: Fraction | None) -> float | None:
    """A stream's rate; None where it says none, or the tick of its clock instead."""
    return float(rate) if rate and 0 < rate <= _HIGHEST_FPS else None


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The best video stream; all other streams are discarded.

    Raises:
        SourceError: there is none, or it cannot be decoded here.
    """
    videos = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic  # the cover of a song
    ]
    if not videos:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        raise SourceError(
            f"{name} holds no video, only {kinds}: give a file or stream with pictures.",
            fault=StreamFault.CODEC,
        )
    best = container.streams.best("video")
    chosen = next((stream for stream in videos if stream is best), videos[0])
    if chosen.codec_context is None:
        raise SourceError(
            f"{name} uses a video codec that cannot be decoded here: convert it, to H.264 for one.",
            fault=StreamFault.CODEC,
        )
    for stream in container.streams:
        if stream is not chosen:
            # else sound that goes on while the picture has stopped would keep the read timeout from firing
            stream.discard = Discard.all
    return chosen


class PictureReader:
    """Turns the pictures of one stream into images."""

    def __init__(self) -> None:
        self._seen: tuple[int, int, int] | None = None
        self._matrix: bytes | None = None

    def pixels(self, picture: VideoFrame) -> Pixels:
        """The picture, upright; converted later where it is in a common format and upright already."""
        if picture.format.name == "nv12" and self._matrix_of(picture) is None:  # of graphics cards
            return PlanarPixels(picture.reformat(format="yuv420p", threads=1))
        if picture.format.name in LAZY_FORMATS and self._matrix_of(picture) is None:
            return PlanarPixels(picture)
        return ArrayPixels(self.image(picture))

    def image(self, picture: VideoFrame) -> Image:
        """(H, W, 3) uint8 BGR, upright."""
        matrix = self._matrix_of(picture)
        has_alpha = any(component.is_alpha for component in picture.format.components)
        image = to_bgr(picture.to_ndarray(format="bgra" if has_alpha else "bgr24"))
        return image if matrix is None else make_upright(image, matrix)

    def _matrix_of(self, picture: VideoFrame) -> bytes | None:
        seen = (picture.width, picture.height, picture.rotation)
        if seen != self._seen:
            self._seen, self._matrix = seen, _display_matrix(picture)
        return self._matrix


def _display_matrix(picture: VideoFrame) -> bytes | None:
    # PyAV ties a picture to its side data, and both stay in memory until Python looks for cycles: so of a tiny copy
    tiny = picture.reformat(width=16, height=16, format="gray")
    side_data = cast("SideDataContainer", tiny.side_data)  # PyAV's stubs call it a TypedDict
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    return None if matrix is None else bytes(matrix)


def _clock_seconds(text: str) -> float | None:
    """Seconds of Matroska's HH:MM:SS.fraction."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
