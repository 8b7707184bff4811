"""What is known of a source once it has been watched for a few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SMALL_FACE_PIXELS = 16.0
"""Shorter side below which faces are missed or misjudged more often; see the tables of the README."""

Transport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Video:
    """What is sent.

    Attributes:
        codec: FFmpeg's name of it, such as `h264`; None where the pictures do not come through FFmpeg.
        profile: such as `High`; None where unknown.
        pixel_format: such as `yuv420p`; None where unknown.
        sizes_wh: every size that occurred, width and height in pixels, in order.
        nominal_fps: frames per second as the source states them; None where it does not.
        measured_fps: as they came, or for a file as they could be decoded; None for fewer than two.
        bits_per_second: of the compressed pictures; None where unknown.
    """

    codec: str | None = None
    profile: str | None = None
    pixel_format: str | None = None
    sizes_wh: tuple[tuple[int, int], ...] = ()
    nominal_fps: float | None = None
    measured_fps: float | None = None
    bits_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """How often a picture comes that builds upon no other.

    Attributes:
        count: seen.
        mean_seconds: from one to the next; None for fewer than two.
        longest_seconds: without one; None for less than two packets.
        longest_is_open: the longest time had begun before, or had not ended with, what was watched: it is longer.
    """

    count: int
    mean_seconds: float | None
    longest_seconds: float | None
    longest_is_open: bool


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When pictures came, against the times written on them.

    Attributes:
        has_time_stamps: without them, as in MJPEG over HTTP, jitter is that of the gaps between pictures.
        jitter_milliseconds: how late pictures came against the quickest, 95th percentile, growth of the delay taken
            out; None for files and too few pictures.
        delay_growth_milliseconds: how much later the last came than the first; None where it cannot be known.
        steps_back: time stamps that are not after the one before.
        jumps: time stamps that run ahead by more than a second.
    """

    has_time_stamps: bool
    jitter_milliseconds: float | None = None
    delay_growth_milliseconds: float | None = None
    steps_back: int = 0
    jumps: int = 0


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came out of the decoder.

    Attributes:
        decoded: clean pictures.
        corrupt: damaged on their way, or impossible to decode.
        skipped: built upon a damaged one.
        awaiting_key_frame: came before the first key frame; nothing was lost, they are built upon what was not seen.
    """

    decoded: int
    corrupt: int = 0
    skipped: int = 0
    awaiting_key_frame: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """What the pictures cost this machine.

    Attributes:
        decode_milliseconds: per picture, with the conversion to BGR; of webcams, processor time. None without one.
        decode_share: of real time; None for pictures that have no rate.
        detect_milliseconds: for one picture; None where no faces were looked for.
        device: where faces were looked for.
        needed_fps: pictures per second to be kept up with; None for unrelated pictures.
        possible_fps: pictures per second that can be decoded and looked at one after the other.
        keeps_up: whether that is enough; None where it cannot be known.
    """

    decode_milliseconds: float | None = None
    decode_share: float | None = None
    detect_milliseconds: float | None = None
    device: str | None = None
    needed_fps: float | None = None
    possible_fps: float | None = None
    keeps_up: bool | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """What of the delay can be seen from here: not how old a picture is when it leaves the camera.

    Attributes:
        connect_seconds: until the source was open, and its codec known.
        first_picture_seconds: from the start until there was a clean picture; None without one.
    """

    connect_seconds: float
    first_picture_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FacesSeen:
    """Faces in a few pictures; the same person counts in each.

    Attributes:
        pictures: looked at.
        count: of faces.
        median_pixels: of their shorter sides; None without faces.
        smallest_pixels: likewise.
        small_share: of faces under `SMALL_FACE_PIXELS`; None without faces.
    """

    pictures: int
    count: int
    median_pixels: float | None = None
    smallest_pixels: float | None = None
    small_share: float | None = None


@dataclass(frozen=True, slots=True)
class SourceReport:
    """Everything that was found out about a source.

    Attributes:
        name: safe to print.
        kind: how it is read.
        transport: of an RTSP camera.
        is_live: it sets the pace; a file is read as fast as it goes.
        seconds: for which it was watched or read.
        key_frames: None where they are not seen: webcams and pictures.
        rhythm: None for unrelated pictures.
        faces: None where none were looked for.
        failure: why it broke off, one sentence; None where it did not.
    """

    name: str
    kind: Literal["rtsp", "http", "webcam", "file", "pictures", "synthetic"]
    is_live: bool
    seconds: float
    video: Video
    pictures: Pictures
    latency: Latency
    work: Work = Work()
    transport: Transport | None = None
    key_frames: KeyFrames | None = None
    rhythm: Rhythm | None = None
    faces: FacesSeen | None = None
    failure: str | None = None
