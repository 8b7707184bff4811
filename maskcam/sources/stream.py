"""Network cameras and videos: `rtsp://`, `rtsps://`, `http://`, `https://`."""

from __future__ import annotations

import time
from typing import Literal

import av
from av.container import InputContainer

from maskcam.errors import SourceError, SourceNotFoundError, StreamLostError
from maskcam.sources.base import SourceInfo
from maskcam.sources.decoded import DecodedSource
from maskcam.sources.decoding import VideoDecoder
from maskcam.sources.urls import mask_password

_WITHOUT_TIME_STAMPS = frozenset({"mpjpeg", "mjpeg"})
"""Formats in which FFmpeg makes up 25 frames a second, however fast they come."""


class StreamSource(DecodedSource):
    """Reads a network camera, or a finite video over HTTP.

    RTSP, HTTP MJPEG and HLS without an end are live: their end is a `StreamLostError`. A video or picture of
    known length (an MP4, an HLS recording) is read like a file and just ends.

    Args:
        url: the address, credentials included where the camera asks for them; they are shown nowhere.
        name: shown to the user and given to every frame; the address without credentials when None.
        timeout_seconds: how long to wait for an answer when opening, and for every packet after that.
        rtsp_transport: `"tcp"` arrives whole; `"udp"` is for cameras that offer nothing else, or saves a
            little delay.

    Raises:
        SourceNotFoundError: the server says that there is nothing at this address (404).
        SourceError: it cannot be reached, refuses, does not answer in time, or sends no video.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        timeout_seconds: float = 10.0,
        rtsp_transport: Literal["tcp", "udp"] = "tcp",
    ) -> None:
        scheme, separator, rest = url.partition("://")
        url = scheme.lower() + separator + rest  # FFmpeg knows no "RTSP://"
        self._timeout_seconds = timeout_seconds
        name = name or mask_password(url)
        container = _open(url, name, timeout_seconds, rtsp_transport)
        try:
            is_live = _is_live(container)
            by_arrival = is_live and container.format.name in _WITHOUT_TIME_STAMPS
            decoder = VideoDecoder(container, name=name, is_live=is_live, by_arrival=by_arrival)
            info = SourceInfo(
                name=name,
                fps=None if by_arrival else decoder.fps,
                frame_count=None if is_live else decoder.frame_count,
                duration_seconds=None if is_live else decoder.duration_seconds,
                is_live=is_live,
                is_still=container.format.name == "image2" or container.format.name.endswith("_pipe"),
            )
            super().__init__(container, decoder, info)
        except BaseException:
            container.close()
            raise

    def _read_error(self, error: av.FFmpegError) -> SourceError:
        reason = error.strerror
        if isinstance(error, av.ExitError | TimeoutError):
            reason = f"no data for {self._timeout_seconds:g} s"
        kind = StreamLostError if self.info.is_live else SourceError
        return kind(
            f"{self.info.name} broke off after {self._decoder.end_seconds:.1f} s ({reason}): open it anew."
        )

    def _check_end(self) -> None:
        if self.info.is_live:
            raise StreamLostError(
                f"{self.info.name} ended after {self._decoder.end_seconds:.1f} s: the other side hung up."
            )
        self._decoder.check_complete()


def _open(
    url: str, name: str, timeout_seconds: float, rtsp_transport: Literal["tcp", "udp"]
) -> InputContainer:
    options: dict[str, str] = {"rtsp_transport": rtsp_transport} if url.startswith("rtsp") else {}
    started_seconds = time.monotonic()
    failure: SourceError
    try:
        return av.open(
            url, options=options, timeout=(timeout_seconds, timeout_seconds), metadata_errors="replace"
        )
    except av.FFmpegError as error:
        # FFmpeg's RTSP reports an interrupted wait as "invalid data"
        is_timeout = time.monotonic() - started_seconds >= timeout_seconds
        kind = SourceNotFoundError if isinstance(error, av.HTTPNotFoundError) else SourceError
        failure = kind(f"{name} {_reason(error, timeout_seconds if is_timeout else None)}.")
    # outside of `except`, so that FFmpeg's text, which holds the password, is not chained to it
    raise failure


def _is_live(container: InputContainer) -> bool:
    if container.format.name == "rtsp":
        return True  # even where the server states a length, it keeps its own pace
    if container.duration is not None:
        return False
    # servers that cannot seek keep FFmpeg from working out the length of some formats; of a playlist this is
    # the size of the list
    return container.format.name == "hls" or container.size <= 0


def _reason(error: av.FFmpegError, timed_out_after_seconds: float | None) -> str:
    if timed_out_after_seconds is not None:
        return (
            f"did not answer within {timed_out_after_seconds:g} s: check that the camera is on and reachable"
        )
    match error:
        case av.HTTPNotFoundError():
            return "does not exist on that server (404): check the path"
        case av.HTTPUnauthorizedError() | av.HTTPForbiddenError():
            return "refuses the user name or password: give them as scheme://user:password@host"
        case av.HTTPError():
            return f"answers with an error ({error.strerror})"
        case ConnectionRefusedError():
            return "refuses the connection: check host and port, and that the camera serves this protocol"
        case av.InvalidDataError():
            return "answers, but not with a video: check the path"
        case _:
            return f"cannot be reached ({error.strerror}): check host name, port and network"
