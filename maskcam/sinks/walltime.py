"""The time of day at which something in a frame happened."""

from __future__ import annotations

import time

from maskcam.types import Frame


def wall_seconds(frame: Frame, pts_seconds: float) -> float:
    """Seconds since 1970, by this machine's clock on the wall.

    Of a recording it is the time at which it is processed; `pts_seconds` says where in it something happened.

    Args:
        frame: the present one.
        pts_seconds: when it happened, by the source's own clock.
    """
    captured = time.time() - (time.monotonic() - frame.captured_seconds)
    return captured - (frame.pts_seconds - pts_seconds)
