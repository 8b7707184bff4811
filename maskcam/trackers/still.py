"""No tracking: for pictures that have nothing to do with each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskcam.trackers.base import Tracker
from maskcam.types import Faces


class StillTracker(Tracker):
    """Gives every face of every picture an identity of its own.

    Args:
        minimum_score: weaker faces get none.
    """

    def __init__(self, *, minimum_score: float) -> None:
        self._minimum_score = minimum_score
        self._given = 0

    def update(self, faces: Faces, *, pts_seconds: float) -> NDArray[np.int64]:  # noqa: ARG002  # no time here
        strong = faces.scores >= self._minimum_score
        identities = np.where(strong, self._given + np.cumsum(strong), 0).astype(np.int64)
        self._given += int(strong.sum())
        return identities
