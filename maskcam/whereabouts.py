"""Where a face was, where it may be by now, and which of those lost from sight has come back.

A tracker gives a new identity to somebody who was hidden for a moment. Who somebody is cannot be told from the face,
by design; place, pace and size are all there is. A wrong "it is the same" hides a violation, a wrong "it is another"
logs one twice, which a person who reads the log sees at once: so whatever is in doubt is another.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Distances are in sizes of the face, the geometric mean of its box's sides: about 0.18 m on an adult, at any distance
# from the camera.
_REACH = 1.0
"""How far somebody who stands still may be from where they were: they lean and turn. People who stand shoulder to
shoulder have their faces 0.45 m, or 2.5 sizes, apart: a neighbour is nearer to his own place than to this one."""
_STANDING = 1.0
"""Sizes a second, 0.2 m/s, up to which somebody stands: nobody walks so slowly, and a face that is being covered
seems to move about as fast."""
_PACE_CHANGE = 0.25
"""Part of the hidden way by which somebody may be ahead or behind: people pass an obstacle at much the same pace."""
_ALIKE = 1.5
"""How many times larger or smaller the face may have become: two steps towards a camera 4 m away make 1.5."""
_PACE_ALIKE = 0.5
"""Part of the pace by which it may have changed, on top of what counts as standing."""
_MARGIN = 0.5
"""How much nearer than any other possibility the right one must be, else it is in doubt: as far as a head sways."""
_EDGE = 0.1
"""A box no farther from the edge of the picture is cut by it, or about to be."""
_PAST_SECONDS = 1.0
"""How much of the past tells the pace: a step to either side, which sways the head, takes about half of it."""
_BLINK_SECONDS = 0.1
"""In less time, nothing can be said of the pace."""


class _Sighting(NamedTuple):
    seconds: float
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def size(self) -> float:
        return math.sqrt(max(1.0, (self.x2 - self.x1) * (self.y2 - self.y1)))

    def is_at_edge(self, size_wh: tuple[int, int]) -> bool:
        near = _EDGE * self.size
        width, height = size_wh
        return self.x1 < near or self.y1 < near or self.x2 > width - near or self.y2 > height - near


@dataclass(slots=True)
class Whereabouts:
    """Where one face has been lately."""

    _past: deque[_Sighting] = field(default_factory=deque)
    _size: float | None = None
    """Worked out when it is asked for: of somebody who is lost, once for all newcomers."""

    @property
    def size(self) -> float:
        """Pixels; the median, since a face that is being covered seems to shrink."""
        if self._size is None:
            self._size = statistics.median(sighting.size for sighting in self._past)
        return self._size

    def note(self, box_xyxy: NDArray[np.float32], seconds: float) -> None:
        """Takes the box of the present frame, (4,) pixels."""
        self._size = None
        x1, y1, x2, y2 = box_xyxy.tolist()
        self._past.append(_Sighting(seconds, x1, y1, x2, y2))
        while len(self._past) > 2 and seconds - self._past[0].seconds > _PAST_SECONDS:
            self._past.popleft()

    def distance(self, new: Whereabouts, *, size_wh: tuple[int, int], walk_seconds: float) -> float:
        """How far a face that appeared lately was from where this one might have been by then.

        Args:
            new: of the face that appeared.
            size_wh: of the picture: who has walked out of it is not in it.
            walk_seconds: for how long somebody who walks can be foretold.

        Returns:
            Sizes of the face; infinite where it cannot be the same person, as far as one can tell.
        """
        last, first = self._past[-1], new._past[0]
        size, hidden = self.size, first.seconds - last.seconds
        if hidden <= 0 or not 1 / _ALIKE <= first.size / size <= _ALIKE:
            return math.inf
        if first.is_at_edge(size_wh) and not last.is_at_edge(size_wh):
            return math.inf  # whoever comes in at the edge was not in the picture
        vx, vy = self._velocity() or (0.0, 0.0)
        pace = math.hypot(vx, vy) / size
        x, y = last.middle
        reach = _REACH
        if pace > _STANDING:
            x, y = x + vx * hidden, y + vy * hidden
            reach += _PACE_CHANGE * pace * hidden
            if hidden > walk_seconds or not (0 <= x < size_wh[0] and 0 <= y < size_wh[1]):
                return math.inf
        theirs = new._velocity()
        if theirs and math.dist(theirs, (vx, vy)) / size > _STANDING + _PACE_ALIKE * pace:
            return math.inf
        away = math.dist(first.middle, (x, y)) / size
        return away if away <= reach else math.inf

    def _velocity(self) -> tuple[float, float] | None:
        """Pixels a second."""
        first, last = self._past[0], self._past[-1]
        seconds = last.seconds - first.seconds
        if seconds < _BLINK_SECONDS:
            return None
        (x1, y1), (x2, y2) = first.middle, last.middle
        return (x2 - x1) / seconds, (y2 - y1) / seconds


def who_is_back(
    lost: Sequence[Whereabouts],
    new: Sequence[Whereabouts],
    *,
    size_wh: tuple[int, int],
    walk_seconds: float,
) -> Iterator[tuple[int, int]]:
    """Finds those who were lost from sight among faces that appeared lately.

    Args:
        lost: people not in the picture now.
        new: faces that may be theirs.
        size_wh: of the picture.
        walk_seconds: see `Whereabouts.distance`.

    Yields:
        Number of a lost person and of the new face it is, each at most once. Where a face may be two people, or a
        person two faces, it is nobody.
    """
    distances = np.array(
        [[old.distance(face, size_wh=size_wh, walk_seconds=walk_seconds) for face in new] for old in lost]
    ).reshape(len(lost), len(new))
    for person, face in np.argwhere(np.isfinite(distances)).tolist():
        others = np.concatenate([np.delete(distances[person], face), np.delete(distances[:, face], person)])
        if (others >= distances[person, face] + _MARGIN).all():
            yield person, face
