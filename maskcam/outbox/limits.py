"""How many messages a receiver is to get."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_RESERVES = {"started": 0.0, "ended": 0.25, "updated": 0.5}
"""Part of the allowance that is kept back from each phase, for those before it: a start matters most."""


@dataclass(slots=True)
class _Allowance:
    messages: float
    counted_seconds: float


class RateLimit:
    """An allowance of messages per camera that fills up steadily.

    Args:
        per_minute: messages; so many may also come at once.
        clock: as `time.monotonic`.
    """

    def __init__(self, per_minute: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._allowances: dict[str, _Allowance] = {}

    def allows(self, camera: str, phase: str) -> bool:
        """Whether a message may be sent now; it counts as sent if so.

        Updates are refused when half of the allowance is used up, ends when three quarters are.
        """
        now = self._clock()
        mine = self._allowances.setdefault(camera, _Allowance(self._per_minute, now))
        grown = mine.messages + self._per_minute * (now - mine.counted_seconds) / 60
        mine.messages = min(self._per_minute, grown)
        mine.counted_seconds = now
        # no reserve asks for more than there can be
        needed = min(self._per_minute, 1 + _RESERVES.get(phase, 0.0) * self._per_minute)
        if mine.messages < needed:
            return False
        mine.messages -= 1
        return True
