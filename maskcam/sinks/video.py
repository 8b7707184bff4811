"""Records annotated video: H.264 in MP4, which every browser plays."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from maskcam.errors import OutputError
from maskcam.sinks.base import Sink
from maskcam.sinks.files import make_folder, reason
from maskcam.sinks.soundtrack import Soundtrack
from maskcam.types import FrameResult, Image

_TICKS_PER_SECOND = 90_000  # MPEG's clock: a whole number of ticks per frame at all usual rates
_BT709 = 1  # ITU-T H.273: the same number for matrix, primaries and transfer
_LIMITED_RANGE = 1
_RESTART_SECONDS = 0.5


class VideoSink(Sink):
    """Writes the annotated frames of one camera as an MP4, at the times at which they were shown.

    The file is written beside its target under a hidden name and renamed when closed, so that whatever lies
    at `path` can be played, from its first byte on. Without a frame there is no file. All frames get the
    size of the first: others are scaled into it, with black bars. An odd width or height grows by a pixel.

    Args:
        path: the MP4; replaced when it exists, its folder made when missing.
        audio_from: the file that the frames come from: its sound is kept, in step as long as their
            `pts_seconds` count from the file's start. None, or a file without sound, makes a silent video.
        crf: quality of x264, 0 to 51: lower looks better and makes larger files, 6 less doubles the size.
        preset: of x264: slower ones make smaller files of the same quality.
        threads: for encoding.

    Raises:
        OutputError: nothing can be written there, or `audio_from` is `path`.
    """

    def __init__(
        self,
        path: Path,
        *,
        audio_from: Path | None = None,
        crf: int = 23,
        preset: str = "veryfast",
        threads: int = 2,
    ) -> None:
        make_folder(path.parent)
        if path.is_dir():
            raise OutputError(f"cannot write the video {path}: that is a folder, name a file")
        if audio_from is not None and path.exists() and path.samefile(audio_from):
            raise OutputError(f"cannot write the video {path}: that is the input, choose another name")
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._options = {"crf": str(crf), "preset": preset}
        self._threads = threads
        self._audio_from = audio_from
        self._clock = _Clock()
        self._stream: VideoStream | None = None
        self._sound: Soundtrack | None = None
        self._closed = False
        try:
            # the absolute path: FFmpeg takes what stands before a colon for a protocol
            target = str(self._partial.resolve())
            self._container = av.open(target, "w", format="mp4", options={"movflags": "+faststart"})
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Encodes one frame."""
        if picture is None:
            raise ValueError("VideoSink needs the picture of every frame")
        if self._closed:
            raise ValueError(f"the video {self._path} is closed")
        try:
            stream = self._stream or self._start(picture, result.frame.pts_seconds)
            frame = _video_frame(picture, (stream.width, stream.height))
            frame.pts, frame.duration = self._clock.ticks(result.frame.pts_seconds)
            frame.time_base = Fraction(1, _TICKS_PER_SECOND)
            self._container.mux(stream.encode(frame))
            if self._sound is not None:
                self._sound.write_until(frame.pts / _TICKS_PER_SECOND)
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # every frame is alike
        """Always."""
        return True

    def close(self) -> None:
        """Ends the video, and puts it in its place."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.write_until(self._clock.end_ticks / _TICKS_PER_SECOND)
            self._container.close()
            if self._stream is not None:
                self._partial.replace(self._path)
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error
        finally:
            if self._sound is not None:
                self._sound.close()
            with suppress(OSError, av.FFmpegError):
                self._container.close()
            self._partial.unlink(missing_ok=True)

    def _start(self, picture: Image, pts_seconds: float) -> VideoStream:
        height, width = picture.shape[:2]
        stream = self._container.add_stream("libx264", options=self._options)
        stream.width, stream.height = width + width % 2, height + height % 2  # 4:2:0 halves both
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS_PER_SECOND)
        context.thread_count = self._threads
        context.flags |= Flags.frame_duration
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        if self._audio_from is not None:
            self._sound = Soundtrack(self._audio_from, self._container, zero_seconds=pts_seconds)
        self._stream = stream
        return stream

    def _failed(self, error: Exception) -> OutputError:
        return OutputError(f"cannot write the video {self._path}: {reason(error)}")


class _Clock:
    """Turns the times of frames into strictly growing ticks since the first frame."""

    def __init__(self) -> None:
        self._zero_seconds: float | None = None
        self._last_ticks = -1
        self._duration = _TICKS_PER_SECOND // 25

    @property
    def end_ticks(self) -> int:
        """When the last frame ends: it is shown for as long as the one before it."""
        return self._last_ticks + self._duration

    def ticks(self, pts_seconds: float) -> tuple[int, int]:
        """When the frame is shown, and for how long, as far as one can know before the next."""
        if self._zero_seconds is None:
            self._zero_seconds = pts_seconds
        ticks = round((pts_seconds - self._zero_seconds) * _TICKS_PER_SECOND)
        if ticks < self._last_ticks - _RESTART_SECONDS * _TICKS_PER_SECOND:
            # the source's clock was set back, not jittered: the recording goes on without a gap
            self._zero_seconds = pts_seconds - self.end_ticks / _TICKS_PER_SECOND
            ticks = self.end_ticks
        ticks = max(ticks, self._last_ticks + 1)
        if 0 <= self._last_ticks < ticks - 1:
            self._duration = ticks - self._last_ticks
        self._last_ticks = ticks
        return ticks, self._duration


def _video_frame(picture: Image, size_wh: tuple[int, int]) -> av.VideoFrame:
    """(H, W, 3) uint8 BGR to 4:2:0 of this size, in the colours of HDTV, which players assume for H.264."""
    height, width = picture.shape[:2]
    if (width + width % 2, height + height % 2) != size_wh:
        picture = _letterbox(picture, size_wh)
    elif (width, height) != size_wh:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    # the frame only borrows the picture: `reformat` makes a new one
    frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="bgr24")
    return frame.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
    )


def _letterbox(picture: Image, size_wh: tuple[int, int]) -> Image:
    """Scales into the middle of a black picture of this size."""
    height, width = picture.shape[:2]
    scale = min(size_wh[0] / width, size_wh[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size_wh[0] - inner[0]) // 2, (size_wh[1] - inner[1]) // 2
    boxed = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    boxed[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        picture, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return boxed
