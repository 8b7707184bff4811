"""Seconds per stage and frames per second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class StageTimer:
    """Adds up the seconds spent in named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        """Counts time that was spent elsewhere."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what is done inside the `with` block under this name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)


class FpsCounter:
    """Frames per second over the last moments.

    Args:
        window_seconds: how far back it looks; longer is steadier, shorter follows faster.
    """

    def __init__(self, *, window_seconds: float = 2.0) -> None:
        self._window_seconds = window_seconds
        self._ticks: deque[float] = deque()

    def tick(self, now_seconds: float) -> None:
        """Counts one frame finished at `now_seconds`, of any clock that never steps back."""
        self._ticks.append(now_seconds)
        while self._ticks[0] < now_seconds - self._window_seconds:
            self._ticks.popleft()

    @property
    def fps(self) -> float:
        """Frames per second; 0 until two frames were counted."""
        if len(self._ticks) < 2 or self._ticks[-1] == self._ticks[0]:
            return 0.0
        return (len(self._ticks) - 1) / (self._ticks[-1] - self._ticks[0])
