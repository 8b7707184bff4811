"""Video files of any container and codec that FFmpeg reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from maskcam.errors import SourceError, SourceNotFoundError
from maskcam.sources.base import HardwareDecode, SourceInfo
from maskcam.sources.decoded import DecodedSource
from maskcam.sources.decoding import VideoDecoder, video_stream
from maskcam.sources.hardware import accelerator, note_of
from maskcam.sources.spans import Span, split


class VideoFileSource(DecodedSource):
    """Reads a recording without loss, upright, each frame at its own time: rates that vary stay as they are.

    `pts_seconds` counts from the start of the file, sound included, so the first frame is at or just after 0.

    Args:
        path: the file; what it holds counts, not its ending.
        name: shown to the user and given to every frame; the file's name when None.
        hardware_decode: see `maskcam.sources.hardware.accelerator`; where the CPU decodes all the same, `info.note`
            says so.
        span: the part that is read; None: all of it. See `spans_of`.

    Raises:
        SourceNotFoundError: there is no such file.
        SourceError: it holds no video that can be decoded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        hardware_decode: HardwareDecode = "none",
        span: Span | None = None,
    ) -> None:
        path = Path(path)
        name = name or path.name
        hardware, note = accelerator(hardware_decode, is_file=True)
        container = _open(path, name, hardware)
        try:
            decoder = VideoDecoder(container, name=name, span=span)
            info = SourceInfo(
                name=name,
                fps=decoder.fps,
                frame_count=decoder.frame_count,
                duration_seconds=decoder.duration_seconds,
            )
            super().__init__(container, decoder, info)
            self.info = replace(self.info, note=note if hardware is None else note_of(container, name=name))
        except BaseException:
            container.close()
            raise

    def _read_error(self, error: av.FFmpegError) -> SourceError:
        return SourceError(
            f"{self.info.name} cannot be read beyond {self._decoder.end_seconds:.1f} s ({error.strerror}):"
            " the frames before were used."
        )


def spans_of(path: Path, *, every_seconds: float) -> tuple[Span, ...]:
    """Finds the parts of a recording that can be read each by itself; see `maskcam.sources.spans.split`.

    Raises:
        SourceNotFoundError: there is no such file.
        SourceError: it holds no video that can be decoded.
    """
    with _open(path, path.name, None) as container:
        return split(container, video_stream(container, path.name), every_seconds=every_seconds)


def _open(path: Path, name: str, hardware: HWAccel | None) -> InputContainer:
    if not path.exists():
        raise SourceNotFoundError(f"There is no file {path}: check the name.")
    if path.is_dir():
        raise SourceError(f"{path} is a folder, not a video: name a file in it.")
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise SourceError(f"{name} cannot be read ({error.strerror}): check its permissions.") from error
    if not head:
        raise SourceError(f"{name} is empty (0 bytes): record or copy it anew.")
    try:
        # "file:" keeps FFmpeg from taking a name such as "12:30.mp4" for an address
        container = av.open(f"file:{path}", metadata_errors="replace", hwaccel=hardware)
    except av.InvalidDataError as error:
        raise SourceError(_why_invalid(name, head)) from error
    except av.FFmpegError as error:
        raise SourceError(f"{name} cannot be opened ({error.strerror}).") from error
    if not container.streams:
        container.close()
        raise SourceError(_why_invalid(name, head))
    if container.format.name == "tty":  # FFmpeg makes a moving picture of any text
        container.close()
        raise SourceError(f"{name} is a text file: give a video or a picture.")
    return container


def _why_invalid(name: str, head: bytes) -> str:
    if head[4:8] == b"ftyp":  # MP4 and MOV, whose index is written last
        return (
            f"{name} was cut off before its index was written: let the recorder finish, or repair the file."
        )
    return f"{name} is not a video or picture that can be read, or it is damaged: give another file."
