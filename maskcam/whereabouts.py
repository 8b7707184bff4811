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
_MARGIN = 0.5
"""How much nearer than any other possibility the right one must be, else it is in doubt."""
_EDGE = 0.1
"""A box no farther from the edge of the picture is cut by it, or about to be."""
_PAST_SECONDS = 1.0
"""How much of the past tells the pace: a step to either side, which sways the head, takes about half of it."""


class _Sighting(NamedTuple):
    seconds: float
    x: float
    y: float
    size: float


@dataclass(slots=True)
class Whereabouts:
    """Where the face of one person has been lately."""

    _past: deque[_Sighting] = field(default_factory=deque)
    _box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def note(self, box_xyxy: NDArray[np.float32], seconds: float) -> None:
        """Takes the box of the present frame, (4,) pixels."""
        self._box = x1, y1, x2, y2 = _corners(box_xyxy)
        self._past.append(_Sighting(seconds, (x1 + x2) / 2, (y1 + y2) / 2, _size(self._box)))
        while len(self._past) > 2 and seconds - self._past[0].seconds > _PAST_SECONDS:
            self._past.popleft()

    def distance(
        self, box_xyxy: NDArray[np.float32], seconds: float, *, size_wh: tuple[int, int], walk_seconds: float
    ) -> float:
        """How far a face that has just appeared is from where this one may be by now.

        Args:
            box_xyxy: of the new face, (4,) pixels.
            seconds: the present time.
            size_wh: of the picture: who has walked out of it is not in it.
            walk_seconds: for how long somebody who walks can be foretold.

        Returns:
            Sizes of the face; infinite where it cannot be the same person.
        """
        new = _corners(box_xyxy)
        last, size = self._past[-1], statistics.median(sighting.size for sighting in self._past)
        if not 1 / _ALIKE <= _size(new) / size <= _ALIKE:
            return math.inf
        if _is_at_edge(new, size, size_wh) and not _is_at_edge(self._box, size, size_wh):
            return math.inf  # whoever comes in at the edge was not in the picture
        hidden = seconds - last.seconds
        vx, vy = self._velocity()
        way = math.hypot(vx, vy) * hidden / size
        reach = _REACH
        x, y = last.x, last.y
        if math.hypot(vx, vy) > _STANDING * size:
            if hidden > walk_seconds:
                return math.inf
            x, y = x + vx * hidden, y + vy * hidden
            reach += _PACE_CHANGE * way
            if not (0 <= x < size_wh[0] and 0 <= y < size_wh[1]):
                return math.inf
        away = math.hypot((new[0] + new[2]) / 2 - x, (new[1] + new[3]) / 2 - y) / size
        return away if away <= reach else math.inf

    def _velocity(self) -> tuple[float, float]:
        first, last = self._past[0], self._past[-1]
        seconds = last.seconds - first.seconds
        return ((last.x - first.x) / seconds, (last.y - first.y) / seconds) if seconds > 0 else (0.0, 0.0)


def who_is_back(
    lost: Sequence[Whereabouts],
    new_boxes_xyxy: Sequence[NDArray[np.float32]],
    seconds: float,
    *,
    size_wh: tuple[int, int],
    walk_seconds: float,
) -> Iterator[tuple[int, int]]:
    """Finds those who were lost from sight among faces that have just appeared.

    Args:
        lost: people not in the picture now.
        new_boxes_xyxy: each (4,) pixels.
        seconds: the present time.
        size_wh: of the picture.
        walk_seconds: see `Whereabouts.distance`.

    Yields:
        Number of a lost person and of the new face it is, each at most once. Where a face may be two people, or a
        person two faces, it is nobody.
    """
    distances = np.array(
        [
            [w.distance(box, seconds, size_wh=size_wh, walk_seconds=walk_seconds) for box in new_boxes_xyxy]
            for w in lost
        ]
    ).reshape(len(lost), len(new_boxes_xyxy))
    for person, face in np.argwhere(np.isfinite(distances)).tolist():
        others = np.concatenate([np.delete(distances[person], face), np.delete(distances[:, face], person)])
        if (others >= distances[person, face] + _MARGIN).all():
            yield person, face


def _corners(box_xyxy: NDArray[np.float32]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box_xyxy.tolist()
    return x1, y1, x2, y2


def _size(box: tuple[float, float, float, float]) -> float:
    return math.sqrt(max(1.0, (box[2] - box[0]) * (box[3] - box[1])))


def _is_at_edge(box: tuple[float, float, float, float], size: float, size_wh: tuple[int, int]) -> bool:
    near = _EDGE * size
    return box[0] < near or box[1] < near or box[2] > size_wh[0] - near or box[3] > size_wh[1] - near
