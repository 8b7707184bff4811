"""Parts of a recording that can be decoded each by itself, with the very frames and times of the whole."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_REORDERED_SECONDS = 1.0
"""Frames may be stored before others that are shown earlier, but not by so much: then a clock was set anew."""
_EARLIER_KEYS = 3
"""Containers without an index are sought by guessing, which may lead beyond the key frame: then the one before it is
asked for, and so on."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a recording.

    Attributes:
        begin_seconds: frames before it, by `Frame.pts_seconds`, are left out.
        end_seconds: frames from there on are left out, too; infinity: none.
        first_index: `Frame.index` of its first frame.
        seek_pts: where to seek to, in ticks of the video stream; None: it begins with the file.
    """

    begin_seconds: float
    end_seconds: float
    first_index: int
    seek_pts: int | None


def split(container: InputContainer, stream: VideoStream, *, every_seconds: float) -> tuple[Span, ...]:
    """Reads through a recording without decoding it, and finds where it can be cut.

    Args:
        container: open for reading; it is read to its end and sought in.
        stream: the one to be decoded.
        every_seconds: parts begin at multiples of it, by `Frame.pts_seconds`.

    Returns:
        Spans that follow upon each other from the first frame to the last; a single one where its time stamps say too
        little, or it cannot be sought.
    """
    whole = (Span(-math.inf, math.inf, 0, None),)
    start, tick = container.start_time, stream.time_base
    if start is None or tick is None:
        return whole
    try:
        times = _Times.of(container, stream)
        if times is None:
            return whole
        # the same arithmetic as in VideoDecoder, or frames on a border would fall between two parts
        seconds = [float(pts * tick) - start / av.time_base for pts in times.all_pts]
        spans = [Span(-math.inf, math.inf, 0, None)]
        for number in range(1, int(seconds[-1] // every_seconds) + 1):
            begin_seconds = number * every_seconds
            first = bisect_left(seconds, begin_seconds)
            if first == len(seconds) or first <= spans[-1].first_index:
                continue
            seek_pts = _seekable(container, stream, times.keys_pts, times.all_pts[first])
            if seek_pts is not None:
                last = spans.pop()
                spans.append(Span(last.begin_seconds, begin_seconds, last.first_index, last.seek_pts))
                spans.append(Span(begin_seconds, math.inf, first, seek_pts))
    except av.FFmpegError:
        return whole
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class _Times:
    """When the frames of a stream are shown, in its ticks, in order."""

    all_pts: Sequence[int]
    keys_pts: Sequence[int]

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> _Times | None:
        """Those of a whole file; None where they do not tell when each frame is shown."""
        assert stream.time_base is not None
        most_reordered = _REORDERED_SECONDS / float(stream.time_base)
        every: list[int] = []
        keys: list[int] = []
        latest = -math.inf
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard or not (keys or packet.is_keyframe):
                continue  # of which no frame comes
            if packet.pts is None or packet.is_corrupt or packet.pts < latest - most_reordered:
                return None
            latest = max(latest, packet.pts)
            every.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
        if not every or not keys or len(set(every)) < len(every):
            return None
        return cls(sorted(every), sorted(keys))


def _seekable(
    container: InputContainer, stream: VideoStream, keys_pts: Sequence[int], first_pts: int
) -> int | None:
    """Where to seek to for a key frame at or before a frame; None where that leads nowhere useful."""
    before = keys_pts[: bisect_right(keys_pts, first_pts)]
    for seek_pts in reversed(before[-_EARLIER_KEYS:]):
        container.seek(seek_pts, stream=stream, backward=True)
        key = next((packet for packet in container.demux(stream) if _is_key(packet)), None)
        if key is not None and key.pts is not None and key.pts <= first_pts:
            return seek_pts
    return None


def _is_key(packet: Packet[VideoStream]) -> bool:
    return packet.size > 0 and packet.is_keyframe
