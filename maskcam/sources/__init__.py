"""Where frames come from: `open_source` is the way in. PyAV and OpenCV are imported only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maskcam.errors import InputError
from maskcam.sources.base import HardwareDecode, Source, SourceInfo
from maskcam.sources.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES, expand_inputs, is_image
from maskcam.sources.urls import mask_password

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Source",
    "SourceInfo",
    "distinct",
    "expand_inputs",
    "is_camera",
    "is_image",
    "is_remote",
    "mask_password",
    "open_source",
    "source_name",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    name: str
    timeout_seconds: float
    rtsp_transport: Literal["tcp", "udp"]
    webcam_size_wh: tuple[int, int] | None
    webcam_fps: float | None
    hardware_decode: HardwareDecode


def open_source(
    spec: str | int,
    *,
    name: str | None = None,
    timeout_seconds: float = 10.0,
    rtsp_transport: Literal["tcp", "udp"] = "tcp",
    webcam_size_wh: tuple[int, int] | None = None,
    webcam_fps: float | None = None,
    hardware_decode: HardwareDecode = "none",
) -> Source:
    """Opens whatever the user named.

    Args:
        spec: a webcam's index (`0`) or path (`/dev/video0`); an `rtsp://`, `rtsps://`, `http://` or
            `https://` address; `synthetic:640x480@25*100`; a picture, a folder or a pattern of pictures; or a
            video file.
        name: shown to the user and given to every frame (pictures have their own names); see `source_name`.
        timeout_seconds: network only: how long to wait for an answer or for the next frame.
        rtsp_transport: RTSP only: `"tcp"` arrives whole, `"udp"` saves a little delay.
        webcam_size_wh: webcams only: size to ask for, in pixels; the camera takes the nearest that it has.
        webcam_fps: webcams only: frames per second to ask for.
        hardware_decode: videos and network cameras: whether an NVIDIA card decodes, see
            `maskcam.sources.hardware.accelerator`.

    Returns:
        An open source: use it in a `with` block.

    Raises:
        InputError: the scheme is unknown, the synthetic spec wrong, or a folder or pattern holds several
        videos. SourceNotFoundError: nothing is there, or neither picture nor video.
        SourceBusyError: the webcam gives no picture.
        SourceError: it is there but cannot be read.
    """
    options = _Options(
        name=name or source_name(spec),
        timeout_seconds=timeout_seconds,
        rtsp_transport=rtsp_transport,
        webcam_size_wh=webcam_size_wh,
        webcam_fps=webcam_fps,
        hardware_decode=hardware_decode,
    )
    text = str(spec)
    if _is_webcam(text):
        return _open_webcam(text, options)
    scheme = _scheme(text)
    if scheme is None:
        return _open_path(text, options)
    if scheme not in _FACTORIES:
        raise InputError(
            f"Cannot open {mask_password(text)}: give a file, a webcam's index, or {_ADDRESSES}."
        )
    return _FACTORIES[scheme](text, options)


def source_name(spec: str | int) -> str:
    """The name that `open_source` gives when none is asked for: short, and without passwords."""
    text = str(spec)
    if text.isdecimal():
        return f"webcam {int(text)}"
    if _is_webcam(text):
        return text
    scheme = _scheme(text)
    if scheme == "synthetic":
        return "synthetic"
    return Path(text).resolve().name or text if scheme is None else mask_password(text)


def is_remote(spec: str | int) -> bool:
    """Whether it is reached over a network, and so may be away for a while."""
    return _scheme(str(spec)) in _REMOTE


def is_camera(spec: str | int) -> bool:
    """Whether it may be a camera, to be opened anew when it is lost; an address can turn out to be a recording."""
    return is_remote(spec) or _is_webcam(str(spec))


def distinct(wanted: Sequence[str]) -> list[str]:
    """Names as they are, with " (2)", " (3)" ... on those that would repeat an earlier one."""
    names: list[str] = []
    for base in wanted:
        name = base
        number = 1
        while name in names:
            number += 1
            name = f"{base} ({number})"
        names.append(name)
    return names


def _is_webcam(text: str) -> bool:
    return text.isdecimal() or text.startswith("/dev/video")


def _scheme(text: str) -> str | None:
    """What stands before "://", or before ":" in `synthetic:`; None for a path, even for `12:30.mp4`."""
    if text.startswith("synthetic:"):
        return "synthetic"
    scheme, separator, _ = text.partition("://")
    return scheme.lower() if separator and scheme.isalnum() else None


def _open_webcam(spec: str, options: _Options) -> Source:
    from maskcam.sources.webcam import WebcamSource

    return WebcamSource(
        int(spec) if spec.isdecimal() else spec,
        name=options.name,
        size_wh=options.webcam_size_wh,
        fps=options.webcam_fps,
    )


def _open_stream(spec: str, options: _Options) -> Source:
    from maskcam.sources.stream import StreamSource

    return StreamSource(
        spec,
        name=options.name,
        timeout_seconds=options.timeout_seconds,
        rtsp_transport=options.rtsp_transport,
        hardware_decode=options.hardware_decode,
    )


def _open_synthetic(spec: str, options: _Options) -> Source:
    from maskcam.sources.synthetic import SyntheticSource

    return SyntheticSource.from_spec(spec, name=options.name)


def _open_path(spec: str, options: _Options) -> Source:
    paths = expand_inputs(spec)
    picture_count = sum(is_image(path) for path in paths)
    if picture_count == len(paths):
        from maskcam.sources.images import ImagesSource

        return ImagesSource(paths, name=options.name)
    if len(paths) > 1:
        raise InputError(
            f"{spec} stands for {len(paths) - picture_count} video(s) and {picture_count} picture(s):"
            " a source is one video, or pictures alone, so narrow it down."
        )
    from maskcam.sources.file import VideoFileSource

    return VideoFileSource(paths[0], name=options.name, hardware_decode=options.hardware_decode)


_REMOTE = ("rtsp", "rtsps", "http", "https")
_FACTORIES: dict[str, Callable[[str, _Options], Source]] = {
    **dict.fromkeys(_REMOTE, _open_stream),
    "synthetic": _open_synthetic,
}
_ADDRESSES = "an address that begins with rtsp://, rtsps://, http:// or https://"
