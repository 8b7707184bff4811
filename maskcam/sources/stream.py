"""Network cameras and videos: `rtsp://`, `rtsps://`, `http://`, `https://`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from maskcam.errors import SourceError, SourceNotFoundError, StreamFault
from maskcam.sources.base import HardwareDecode, Losses, SourceInfo
from maskcam.sources.decoded import DecodedSource
from maskcam.sources.decoding import VideoDecoder
from maskcam.sources.hardware import accelerator, note_of
from maskcam.sources.live_decoding import LiveDecoder
from maskcam.sources.urls import mask_password

WITHOUT_TIME_STAMPS = frozenset({"mpjpeg", "mjpeg"})
"""Formats in which FFmpeg makes up 25 frames a second, however fast they come."""
_LOOK_MICROSECONDS = "500000"


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
        hardware_decode: see `VideoFileSource`.

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
        hardware_decode: HardwareDecode = "none",
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._live: LiveDecoder | None = None
        name = name or mask_password(url)
        hardware, note = accelerator(hardware_decode, is_file=False)
        container = open_stream(
            url,
            name=name,
            timeout_seconds=timeout_seconds,
            rtsp_transport=rtsp_transport,
            hardware=hardware,
        )
        try:
            decoder, info = self._decoder_of(container, name)
            super().__init__(container, decoder, info)
            self.info = replace(self.info, note=note if hardware is None else note_of(container, name=name))
        except BaseException:
            container.close()
            raise

    def _decoder_of(
        self, container: InputContainer, name: str
    ) -> tuple[VideoDecoder | LiveDecoder, SourceInfo]:
        if keeps_own_pace(container):
            self._live = live = _live_decoder(container, name, self._timeout_seconds)
            return live, SourceInfo(name=name, fps=live.fps, is_live=True)
        decoder = VideoDecoder(container, name=name)
        return decoder, SourceInfo(
            name=name,
            fps=decoder.fps,
            frame_count=decoder.frame_count,
            duration_seconds=decoder.duration_seconds,
            is_still=container.format.name == "image2" or container.format.name.endswith("_pipe"),
        )

    @property
    def losses(self) -> Losses:
        return self._live.losses if self._live is not None else Losses()

    def _read_error(self, error: av.FFmpegError) -> SourceError:
        reason, fault = error.strerror or "without a word", StreamFault.ENDED
        if isinstance(error, av.ExitError | TimeoutError):
            reason, fault = f"no data for {self._timeout_seconds:g} s", StreamFault.TIMEOUT
        if self._live is not None:
            return self._live.broke_off(reason, fault)
        return SourceError(
            f"{self.info.name} broke off after {self._decoder.end_seconds:.1f} s ({reason}): open it anew.",
            fault=fault,
        )


def _live_decoder(container: InputContainer, name: str, timeout_seconds: float) -> LiveDecoder:
    kind = container.format.name
    return LiveDecoder(
        container,
        name=name,
        timeout_seconds=timeout_seconds,
        by_arrival=kind in WITHOUT_TIME_STAMPS,
        paced=kind == "hls",
    )


def open_stream(
    url: str,
    *,
    name: str,
    timeout_seconds: float,
    rtsp_transport: Literal["tcp", "udp"],
    hardware: HWAccel | None = None,
) -> InputContainer:
    """Connects, and learns what the stream holds.

    Args:
        url: the address with its credentials.
        name: for messages.
        timeout_seconds: how long to wait for an answer, and for every packet later on.
        rtsp_transport: see `StreamSource`.
        hardware: decodes, where it can.

    Raises:
        SourceNotFoundError: the server says that there is nothing at this address (404).
        SourceError: it cannot be reached, refuses, does not answer in time, or sends no video.
    """
    scheme, separator, rest = url.partition("://")
    url = scheme.lower() + separator + rest  # FFmpeg knows no "RTSP://"
    options: dict[str, str] = {}
    if url.startswith("rtsp"):
        # what is gathered while FFmpeg counts frames to guess their rate is old when the first one is shown
        options = {"rtsp_transport": rtsp_transport, "analyzeduration": _LOOK_MICROSECONDS}
    started_seconds = time.monotonic()
    failure: SourceError
    try:
        return av.open(
            url,
            options=options,
            timeout=(timeout_seconds, timeout_seconds),
            metadata_errors="replace",
            hwaccel=hardware,
        )
    except av.FFmpegError as error:
        # FFmpeg's RTSP reports an interrupted wait as "invalid data"
        is_timeout = time.monotonic() - started_seconds >= timeout_seconds
        fault, why = _fault(error, timeout_seconds if is_timeout else None)
        kind = SourceNotFoundError if fault is StreamFault.NOT_FOUND else SourceError
        failure = kind(f"{name} {why}.", fault=fault)
    # outside of `except`, so that FFmpeg's text, which holds the password, is not chained to it
    raise failure


def keeps_own_pace(container: InputContainer) -> bool:
    """Whether it is live, as against a recording at an address."""
    if container.format.name == "rtsp":
        return True  # even where the server states a length, it keeps its own pace
    if container.duration is not None:
        return False
    # servers that cannot seek keep FFmpeg from working out the length of some formats; of a playlist this is
    # the size of the list
    return container.format.name == "hls" or container.size <= 0


def _fault(error: av.FFmpegError, timed_out_after_seconds: float | None) -> tuple[StreamFault | None, str]:
    """Why connecting failed, for programs and for people."""
    if timed_out_after_seconds is not None:
        return StreamFault.TIMEOUT, (
            f"did not answer within {timed_out_after_seconds:g} s: check that the camera is on and reachable"
        )
    match error:
        case av.HTTPNotFoundError():
            return StreamFault.NOT_FOUND, "does not exist on that server (404): check the path"
        case av.HTTPUnauthorizedError() | av.HTTPForbiddenError():
            return StreamFault.AUTH, (
                "refuses the user name or password: give them as scheme://user:password@host"
            )
        case av.HTTPError():
            return None, f"answers with an error ({error.strerror})"
        case ConnectionRefusedError():
            return StreamFault.REFUSED, (
                "refuses the connection: check host and port, and that the camera serves this protocol"
            )
        case av.FFmpegError(strerror="Protocol not supported"):
            return StreamFault.CODEC, "does not offer this transport: use the other one, tcp or udp"
        case ConnectionError() | av.EOFError():
            return (
                StreamFault.ENDED,
                f"hangs up while being opened ({error.strerror}): it may be starting, or full",
            )
        case av.InvalidDataError():
            return StreamFault.CODEC, "answers, but not with a video: check the path"
        case _:
            return StreamFault.UNREACHABLE, (
                f"cannot be reached ({error.strerror}): check host name, port and network"
            )
