"""Records annotated video: H.264 in MP4, which every browser plays."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from maskcam.closing import Closing
from maskcam.errors import OutputError
from maskcam.sinks.base import Sink
from maskcam.sinks.clock import TICKS_PER_SECOND, RecordingClock
from maskcam.sinks.files import claim_partial, make_folder, reason
from maskcam.sinks.fragments import keep_whole_fragments
from maskcam.sinks.h264 import TICK, even_size, set_up, video_frame
from maskcam.sinks.soundtrack import Soundtrack
from maskcam.types import FrameResult, Image

_WHOLE_FILE = {"movflags": "+faststart"}
# In fragments that each can be played without what follows; closing makes an ordinary MP4 of them (FFmpeg >= 7.1).
_FRAGMENTS = {"movflags": "+hybrid_fragmented", "frag_duration": "500000", "flush_packets": "1"}
# x264 would hold back 12 frames, 6 seconds of a camera analysed twice a second. So it holds back 2: files stay as large
# as they were, for 0.6 dB less at 4 frames per second and 1.6 less at 25, and encode in a third less time.
_SOON = {"x264-params": "rc-lookahead=1:sync-lookahead=0:bframes=0:sliced-threads=1"}


@dataclass(slots=True)
class _OpenFile(Closing):
    partial: Path
    container: OutputContainer
    stream: VideoStream
    sound: Soundtrack | None = None

    def close(self) -> None:
        if self.sound is not None:
            self.sound.close()
        with suppress(OSError, av.FFmpegError):
            self.container.close()


class VideoSink(Sink):
    """Writes the annotated frames of one camera as an MP4, at the times at which they were shown.

    The file is written beside its target under a hidden name and renamed when closed, so that whatever lies
    at `path` can be played, from its first byte on. Without a frame there is no file. All frames get the
    size of the first: others are scaled into it, with black bars. An odd width or height grows by a pixel.

    With `crash_safe`, what lies beside the target is `ward.partial.mp4` for `ward.mp4`. It can be played
    whatever ends the process, but for its last half second and 3 frames, and no later run overwrites it.

    Args:
        path: the MP4; replaced when it exists, its folder made when missing.
        audio_from: the file that the frames come from: its sound is kept, in step as long as their
            `pts_seconds` count from the file's start. None, or a file without sound, makes a silent video.
        crf: quality of x264, 0 to 51: lower looks better and makes larger files, 6 less doubles the size.
        preset: of x264: slower ones make smaller files of the same quality.
        threads: for encoding.
        crash_safe: whatever was recorded outlives a crash, for somewhat less quality at the same size.
            Closing is quick however long the recording, since its index stands at the end of the file: over a
            network, a player has to fetch that first, or everything.

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
        crash_safe: bool = False,
    ) -> None:
        make_folder(path.parent)
        if path.is_dir():
            raise OutputError(f"cannot write the video {path}: that is a folder, name a file")
        if audio_from is not None and path.exists() and path.samefile(audio_from):
            raise OutputError(f"cannot write the video {path}: that is the input, choose another name")
        self._path = path
        self._audio_from = audio_from
        self._crash_safe = crash_safe
        self._encoder = {"crf": str(crf), "preset": preset} | (_SOON if crash_safe else {})
        self._threads = threads
        self._clock = RecordingClock()
        self._file: _OpenFile | None = None
        self._closed = False

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Encodes one frame."""
        if picture is None:
            raise ValueError("VideoSink needs the picture of every frame")
        if self._closed:
            raise ValueError(f"the video {self._path} is closed")
        try:
            file = self._file or self._open(picture, result.frame.pts_seconds)
            frame = video_frame(picture, (file.stream.width, file.stream.height))
            frame.pts, frame.duration = self._clock.ticks(result.frame.pts_seconds)
            frame.time_base = TICK
            file.container.mux(file.stream.encode(frame))
            if file.sound is not None:
                file.sound.write_until(frame.pts / TICKS_PER_SECOND)
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # every frame is alike
        """Always."""
        return True

    def close(self) -> None:
        """Ends the video, and puts it in its place."""
        file, self._file, self._closed = self._file, None, True
        if file is None:
            return
        try:
            with file:
                file.container.mux(file.stream.encode(None))
                if file.sound is not None:
                    file.sound.write_until(self._clock.end_ticks / TICKS_PER_SECOND)
                file.container.close()
            file.partial.replace(self._path)
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error, rest=self._rest_of(file.partial)) from error
        finally:
            if not self._crash_safe:
                file.partial.unlink(missing_ok=True)

    def _open(self, picture: Image, pts_seconds: float) -> _OpenFile:
        """Not before the first frame: a camera that never gives one leaves no file, however the process ends."""
        partial = (
            claim_partial(self._path)
            if self._crash_safe
            else self._path.with_name(f".{self._path.name}.partial")
        )
        # the absolute path: FFmpeg takes what stands before a colon for a protocol
        target = str(partial.resolve())
        options = _FRAGMENTS if self._crash_safe else _WHOLE_FILE
        container = av.open(target, "w", format="mp4", options=options)
        stream = container.add_stream("libx264", options=self._encoder)
        stream.width, stream.height = even_size(picture)
        set_up(stream.codec_context, threads=self._threads)
        self._file = _OpenFile(partial, container, stream)
        if self._audio_from is not None:
            self._file.sound = Soundtrack(self._audio_from, container, zero_seconds=pts_seconds)
        return self._file

    def _rest_of(self, partial: Path) -> str:
        """Where to find what there is of a video that could not be finished."""
        with suppress(OSError):
            if self._crash_safe and keep_whole_fragments(partial):
                return f"; what was recorded until then is in {partial}"
        return ""

    def _failed(self, error: Exception, *, rest: str = "") -> OutputError:
        return OutputError(f"cannot write the video {self._path}: {reason(error)}{rest}")
