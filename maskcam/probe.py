"""What a camera or a file really delivers, as against what it says of itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from maskcam.sources.base import Source


@dataclass(frozen=True, slots=True)
class Probe:
    """What came out of a source in a few seconds.

    Attributes:
        name: of the source, safe to print.
        is_live: True for cameras and streams, which set the pace; a file is read as fast as it goes.
        sizes_wh: every size that occurred, width and height in pixels.
        frames: decoded.
        seconds: from the first frame to the last.
        nominal_fps: what the source says; None where it does not.
        measured_fps: what came; None for fewer than two frames.
        frame_milliseconds: median time to wait for and decode one frame; None without frames.
        late_pts: number of frames whose time stamp is not after the one before; 0 for unrelated pictures.
    """

    name: str
    is_live: bool
    sizes_wh: tuple[tuple[int, int], ...]
    frames: int
    seconds: float
    nominal_fps: float | None
    measured_fps: float | None
    frame_milliseconds: float | None
    late_pts: int


def probe_source(source: Source, *, seconds: float) -> Probe:
    """Reads from a source for a while; the caller closes it.

    Args:
        source: opened, and not read from yet.
        seconds: to stop after; a frame that is waited for by then is still taken.

    Raises:
        SourceError: the source cannot be read.
    """
    sizes: dict[tuple[int, int], None] = {}
    waits: list[float] = []
    late = 0
    last_pts = float("-inf")
    started = before = first = time.monotonic()
    for frame in source:
        now = time.monotonic()
        first = first if waits else now
        waits.append(now - before)
        sizes[frame.size_wh] = None
        late += frame.pts_seconds <= last_pts and not source.info.is_still
        last_pts = frame.pts_seconds
        before = now
        if now - started >= seconds:
            break
    elapsed = before - first
    return Probe(
        name=source.info.name,
        is_live=source.info.is_live,
        sizes_wh=tuple(sizes),
        frames=len(waits),
        seconds=elapsed,
        nominal_fps=source.info.fps,
        measured_fps=(len(waits) - 1) / elapsed if elapsed > 0 else None,
        # the first frame also waits for the decoder and, over a network, for a key frame
        frame_milliseconds=median(waits[1:] or waits) * 1000 if waits else None,
        late_pts=late,
    )
