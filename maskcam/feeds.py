"""Cameras and recordings as `maskcam.live` reads them: what is known of each, and when to try again."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from maskcam.errors import StreamFault
from maskcam.sources.base import Losses, Source

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 4.0
"""With the time that connecting takes, a camera that is back is seen within 10 s."""
_JITTER = 0.25
"""Of a wait: cameras behind one switch must not all be asked at the same moment when it is back."""
_STEADY_SECONDS = 10.0
_QUICK_LOGINS = 5
_LOGIN_WAIT_SECONDS = 60.0
"""Cameras lock out an address after 5 to 10 wrong passwords in a row, for half an hour: one that has refused for longer
than some 10 s is asked once a minute only."""


class FeedState(enum.Enum):
    """How a camera or recording is doing."""

    CONNECTING = "connecting"
    """It has not given a picture yet."""
    LIVE = "live"
    STALLED = "stalled"
    """Connected, but no picture has come for a while."""
    RECONNECTING = "reconnecting"
    """It is lost, and tried again and again."""
    FAILED = "failed"
    """It cannot be read (any further), and is not tried again."""
    ENDED = "ended"
    """A recording is over."""

    @property
    def is_final(self) -> bool:
        """Nothing more will come."""
        return self in (FeedState.FAILED, FeedState.ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A camera or recording to be read.

    Attributes:
        name: unique, and safe to print.
        open: opens it; called by the thread that reads it, anew each time it is lost.
        opened: what `open` would give, where it is open already: the first reading takes it.
        is_camera: whatever stops it, it is opened again, for ever. A recording is read once.
        analysis_fps: frames per second that are worth analysing; others of a live source are passed over. None
            takes as many as the machine can do.
    """

    name: str
    open: Callable[[], Source]
    opened: Source | None = None
    is_camera: bool = True
    analysis_fps: float | None = None


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is doing at one moment.

    Attributes:
        state: see there.
        is_live: it gives frames at its own pace. False for recordings, and until it has been opened.
        fault: why it gives no picture, as far as it is known.
        reason: the same in one sentence.
        captured: frames that the source has given.
        captured_fps: the same per second, lately.
        dropped: live ones that were replaced by newer ones before they could be analysed.
        passed_over: live ones beyond the feed's `analysis_fps`.
        losses: frames that came damaged or too late to be decoded.
        reconnects: how often it was opened again and gave a picture.
    """

    state: FeedState = FeedState.CONNECTING
    is_live: bool = False
    fault: StreamFault | None = None
    reason: str | None = None
    captured: int = 0
    captured_fps: float = 0.0
    dropped: int = 0
    passed_over: int = 0
    losses: Losses = field(default_factory=Losses)
    reconnects: int = 0


class Backoff:
    """How long to wait before a lost camera is tried again: twice as long each time, with jitter, up to a limit."""

    def __init__(self, *, dice: random.Random | None = None) -> None:
        self._dice = dice or random.Random()
        self._wait_seconds = _FIRST_WAIT_SECONDS
        self._logins = 0

    def wait_seconds(self, fault: StreamFault | None, *, lived_seconds: float) -> float:
        """Seconds to wait.

        Args:
            fault: why the attempt ended.
            lived_seconds: how long it gave pictures; long enough makes the next wait short.
        """
        if lived_seconds >= _STEADY_SECONDS:
            self._wait_seconds = _FIRST_WAIT_SECONDS
        wait_seconds = self._wait_seconds
        self._wait_seconds = min(2 * self._wait_seconds, _LONGEST_WAIT_SECONDS)
        self._logins = self._logins + 1 if fault is StreamFault.AUTH else 0
        if self._logins >= _QUICK_LOGINS:
            wait_seconds = _LOGIN_WAIT_SECONDS
        return wait_seconds * self._dice.uniform(1 - _JITTER, 1 + _JITTER)


class Pace:
    """Chooses frames so that they come at a rate, from a source with a higher one.

    Args:
        fps: frames per second to let through; None lets all through.
    """

    def __init__(self, fps: float | None) -> None:
        self._period_seconds = 1 / fps if fps else 0.0
        self._due_seconds = float("-inf")

    def lets_through(self, captured_seconds: float) -> bool:
        """Whether the next frame, by its time of capture, is due; the rate holds in the mean over time."""
        early_seconds = self._due_seconds - captured_seconds
        if (
            0.1 * self._period_seconds < early_seconds <= self._period_seconds
        ):  # frames tremble around their time
            return False
        is_in_step = abs(early_seconds) <= self._period_seconds
        self._due_seconds = (self._due_seconds if is_in_step else captured_seconds) + self._period_seconds
        return True
