"""Writes encoded pictures into an MP4 as they are."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av

from maskcam.sinks.clock import TICKS_PER_SECOND
from maskcam.sinks.h264 import TICK
from maskcam.types import EncodedPicture

_UNIT = re.compile(rb"\x00\x00\x01(.)(.*?)(?=\x00\x00\x01|\x00\x00\x00|\Z)", re.DOTALL)
_SEQUENCE, _PICTURE = 7, 8  # parameter sets (ITU-T H.264, table 7-1)
_HEAD_BYTES = 1024
"""In which the parameters of a key picture stand."""


def playable(pictures: Sequence[EncodedPicture]) -> list[EncodedPicture]:
    """Those that can stand in one file: the most that have the same parameters, in order, from a key picture on.

    A camera may come back with another resolution, and an MP4 has one. Pictures that are shown before the first key
    picture build upon what is not there.

    Args:
        pictures: from a key picture on, in the order of decoding.
    """
    by_parameters: dict[bytes, list[EncodedPicture]] = defaultdict(list)
    parameters = b""
    for picture in pictures:
        if picture.is_key:
            parameters = _parameters(picture.data)
        by_parameters[parameters].append(picture)
    chosen = max(by_parameters.values(), key=len, default=[])
    return [picture for picture in chosen if picture.pts_seconds >= chosen[0].pts_seconds]


def write_clip(pictures: Sequence[EncodedPicture], path: Path) -> float:
    """Writes an MP4 that can be played while it is loaded.

    Args:
        pictures: as of `playable`, one at least.
        path: replaced when it exists.

    Returns:
        Its length in seconds.

    Raises:
        OSError: it cannot be written.
        av.FFmpegError: likewise, or the pictures are damaged.
    """
    zero = min(picture.pts_seconds for picture in pictures)
    shown = _growing([round((picture.pts_seconds - zero) * TICKS_PER_SECOND) for picture in pictures])
    # in the order of decoding, each as early as it takes for none to be shown before it was decoded
    decoded = sorted(shown)
    early = max(at - other for at, other in zip(decoded, shown, strict=True))
    lengths = [after - at for at, after in pairwise(decoded)]
    lengths.append(lengths[-1] if lengths else TICKS_PER_SECOND // 25)
    # the absolute path: FFmpeg takes what stands before a colon for a protocol
    target = str(path.resolve())
    with (
        av.open(io.BytesIO(pictures[0].data), format="h264") as head,
        av.open(target, "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream_from_template(head.streams.video[0])
        stream.time_base = TICK
        for picture, pts, dts, length in zip(pictures, shown, decoded, lengths, strict=True):
            packet = av.Packet(picture.data)
            packet.stream, packet.time_base = stream, TICK
            packet.pts, packet.dts, packet.duration = pts, dts - early, length
            packet.is_keyframe = picture.is_key
            container.mux(packet)
    return (decoded[-1] + lengths[-1]) / TICKS_PER_SECOND


def _growing(ticks: Sequence[int]) -> list[int]:
    """The same without any twice: each picture is shown at a moment of its own."""
    taken: set[int] = set()
    grown = []
    for tick in ticks:
        while tick in taken:
            tick += 1
        taken.add(tick)
        grown.append(tick)
    return grown


def _parameters(data: bytes) -> bytes:
    units = _UNIT.finditer(data[:_HEAD_BYTES])
    return b"".join(unit[0] for unit in units if unit[1][0] & 31 in (_SEQUENCE, _PICTURE))
