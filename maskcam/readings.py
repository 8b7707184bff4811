"""How far a feed has been read: its frames in one line of time over all its connections, and its health."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from maskcam.encoded import EncodedQueue
from maskcam.errors import StreamFault
from maskcam.feeds import Feed, FeedHealth, FeedState, Pace
from maskcam.sources.base import Losses
from maskcam.timing import FpsCounter
from maskcam.types import EncodedPicture, Frame

_UNTAKEN_BYTES = 32 * 2**20
"""Of what a camera has encoded and nobody has taken yet: some 30 s of a large one."""
_STALL_SECONDS = 2.0
"""Without a picture for so long, or for three times the usual gap, a live source is stalled."""


@dataclass(slots=True)
class Reading:
    """What is known of one feed.

    Attributes:
        feed: which one.
        health: as last noted; `at` adds what only time tells.
        last: frame, in the feed's own time.
        losses_before: those of earlier connections.
        pace: which frames are worth analysing.
    """

    feed: Feed
    health: FeedHealth = field(default_factory=FeedHealth)
    last: Frame | None = None
    losses_before: Losses = field(default_factory=Losses)
    pace: Pace = field(init=False)
    _untaken: EncodedQueue = field(default_factory=lambda: EncodedQueue(most_bytes=_UNTAKEN_BYTES))
    _counter: FpsCounter = field(default_factory=FpsCounter)
    _start_seconds: float = 0.0
    """When the time of a live feed began, by `time.monotonic()`."""
    _shift: tuple[int, float] = (0, 0.0)
    """What is added to index and time of the frames of the present connection."""

    def __post_init__(self) -> None:
        self.pace = Pace(self.feed.analysis_fps)

    def begin(self, first: Frame) -> None:
        """Takes note of a new connection of a live source by its first frame: index and time go on."""
        if self.last is None:
            self._start_seconds = first.captured_seconds - first.pts_seconds
            return
        seconds = first.captured_seconds - self._start_seconds
        self._shift = (
            self.last.index + 1 - first.index,
            max(seconds, self.last.pts_seconds + 1e-3) - first.pts_seconds,
        )

    def take(self, frame: Frame, losses: Losses, now_seconds: float) -> Frame:
        """Counts a frame, and gives it its place in the feed's time."""
        index, seconds = self._shift
        if index or seconds:
            frame = replace(
                frame,
                index=frame.index + index,
                pts_seconds=frame.pts_seconds + seconds,
                encoded=_later(frame.encoded, seconds),
            )
        self._untaken.add(frame.encoded or ())
        self.last = frame
        self._counter.tick(now_seconds)
        self.health = replace(
            self.health, captured=self.health.captured + 1, losses=self.losses_before + losses
        )
        return frame

    def hand_over(self, frame: Frame) -> Frame:
        """The frame that somebody takes, with what its camera encoded for those that nobody took, too."""
        return frame if frame.encoded is None else replace(frame, encoded=self._untaken.take())

    def at(self, now_seconds: float) -> FeedHealth:
        """Its health at that time."""
        if self.health.state is not FeedState.LIVE or self.last is None:
            return self.health
        fps = self._counter.fps
        silent_seconds = now_seconds - self.last.captured_seconds
        if self.health.is_live and silent_seconds > max(_STALL_SECONDS, 3 / fps if fps else 0.0):
            reason = f"no picture for {silent_seconds:.0f} s"
            return replace(self.health, state=FeedState.STALLED, fault=StreamFault.TIMEOUT, reason=reason)
        return replace(self.health, captured_fps=fps)


def _later(pictures: tuple[EncodedPicture, ...] | None, seconds: float) -> tuple[EncodedPicture, ...] | None:
    if pictures is None:
        return None
    return tuple(replace(picture, pts_seconds=picture.pts_seconds + seconds) for picture in pictures)
