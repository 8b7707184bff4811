"""The clock of a live stream: the camera's time stamps against the times at which they arrive."""

from __future__ import annotations

_JUMP_SECONDS = 1.0
"""Frames come in step with their time stamps, but for the jitter of network and encoder; a step beyond it is a clock
that was set anew."""
_WINDOW_SECONDS = 20.0
"""How far back the least delay counts: long enough to outlast a hiccup, short enough to follow a camera's clock that
runs fast or slow (at 100 ppm, 2 ms)."""


class ArrivalClock:
    """Turns time stamps into seconds since the first frame that never step back, and knows the delay.

    The delay is measured against the quickest arrival of late: what every frame needs on its way at least can't be
    seen from here.

    Args:
        paced: frames arrive in bursts and are held back until they are due.
    """

    def __init__(self, *, paced: bool = False) -> None:
        self._paced = paced
        self.start_seconds = 0.0
        """Arrival of the first frame, by `time.monotonic()`."""
        self.jumps = 0
        """How often the time stamps stepped back or ran ahead."""
        self._started = False
        self._offset_seconds = 0.0
        self._noted_seconds = 0.0
        self._placed_seconds = 0.0
        self._late_seconds = 0.0
        self._least_late = (0.0, 0.0)  # of the previous and of the present window
        self._window_end = 0.0

    @property
    def delay_seconds(self) -> float:
        """How much later than the quickest of late the last packet came; 0 for streams without time stamps."""
        return max(0.0, self._late_seconds - min(self._least_late))

    def note(self, seconds: float | None, arrived_seconds: float) -> None:
        """Takes the arrival of a packet.

        Args:
            seconds: its time stamp; None where it has none.
            arrived_seconds: by `time.monotonic()`.
        """
        if not self._started:
            self._started = True
            self.start_seconds = arrived_seconds
            self._anchor(seconds or 0.0, 0.0, arrived_seconds)
        if seconds is None:
            return
        since_start = arrived_seconds - self.start_seconds
        own = seconds - self._offset_seconds
        if own < self._noted_seconds - _JUMP_SECONDS or own > self._latest(since_start):
            self.jumps += 1
            own = max(since_start, self._noted_seconds)
            self._anchor(seconds, own, arrived_seconds)
        elif self._paced and own < since_start:
            own = since_start  # came after it was due: everything later is due later, too
            self._anchor(seconds, own, arrived_seconds)
        self._noted_seconds = max(own, self._noted_seconds)
        self._late_seconds = since_start - own
        self._note_least(arrived_seconds)

    def place(self, seconds: float | None, arrived_seconds: float) -> float:
        """Seconds since the first frame for a decoded picture, at least those of the one before."""
        self._placed_seconds = max(self.at(seconds, arrived_seconds), self._placed_seconds)
        return self._placed_seconds

    def at(self, seconds: float | None, arrived_seconds: float) -> float:
        """The same for a packet, which may be shown before the one that came before it."""
        return arrived_seconds - self.start_seconds if seconds is None else seconds - self._offset_seconds

    def _latest(self, since_start: float) -> float:
        """Beyond it, a time stamp has run ahead. Bursts are read ahead of time, but held back one by one."""
        return max(since_start, self._noted_seconds) + _JUMP_SECONDS

    def _anchor(self, seconds: float, own: float, arrived_seconds: float) -> None:
        """From here on, the time stamp `seconds` stands for `own`."""
        self._offset_seconds = seconds - own
        late = arrived_seconds - self.start_seconds - own
        self._least_late = (late, late)
        self._window_end = arrived_seconds + _WINDOW_SECONDS

    def _note_least(self, arrived_seconds: float) -> None:
        previous, present = self._least_late
        if arrived_seconds >= self._window_end:
            previous, present = present, self._late_seconds
            self._window_end = arrived_seconds + _WINDOW_SECONDS
        self._least_late = (previous, min(present, self._late_seconds))
