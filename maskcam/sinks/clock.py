"""The clock of a recording."""

from __future__ import annotations

TICKS_PER_SECOND = 90_000
"""MPEG's clock: a whole number of ticks per frame at all usual rates."""
_RESTART_SECONDS = 0.5
_LONGEST_GAP_SECONDS = 3600
"""An MP4 counts how long a frame is shown in 32 bits, which are 6.6 hours. FFmpeg crowds whatever follows a longer gap
into one moment, so the recording of a camera that was away for a night shows an hour of it."""


class RecordingClock:
    """Turns the times of frames into strictly growing ticks since the first frame."""

    def __init__(self) -> None:
        self._zero_seconds: float | None = None
        self._last_ticks = -1
        self._duration = TICKS_PER_SECOND // 25

    @property
    def end_ticks(self) -> int:
        """When the last frame ends: it is shown for as long as the one before it."""
        return self._last_ticks + self._duration

    def ticks(self, pts_seconds: float) -> tuple[int, int]:
        """When the frame is shown, and for how long, as far as one can know before the next."""
        if self._zero_seconds is None:
            self._zero_seconds = pts_seconds
        ticks = round((pts_seconds - self._zero_seconds) * TICKS_PER_SECOND)
        if ticks < self._last_ticks - _RESTART_SECONDS * TICKS_PER_SECOND:
            # the source's clock was set back, not jittered: the recording goes on without a gap
            ticks = self._go_on_at(self.end_ticks, pts_seconds)
        elif 0 <= self._last_ticks < ticks - _LONGEST_GAP_SECONDS * TICKS_PER_SECOND:
            ticks = self._go_on_at(self._last_ticks + _LONGEST_GAP_SECONDS * TICKS_PER_SECOND, pts_seconds)
        ticks = max(ticks, self._last_ticks + 1)
        if 0 <= self._last_ticks < ticks - 1:
            self._duration = ticks - self._last_ticks
        self._last_ticks = ticks
        return ticks, self._duration

    def _go_on_at(self, ticks: int, pts_seconds: float) -> int:
        self._zero_seconds = pts_seconds - ticks / TICKS_PER_SECOND
        return ticks
