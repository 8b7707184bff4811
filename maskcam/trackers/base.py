"""The seam behind which trackers stand."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from maskcam.types import Faces


class Tracker(ABC):
    """Keeps one identity per face in the frames of one camera. Make one for each camera."""

    @abstractmethod
    def update(self, faces: Faces, *, pts_seconds: float) -> NDArray[np.int64]:
        """Takes the faces of the next frame.

        Only faces that are in this frame get an identity: a track that merely coasts is not reported, so that
        nothing votes on a box in which no face was seen.

        Args:
            faces: found in this frame.
            pts_seconds: time of this frame; a long step back in time (a file that starts over) forgets all tracks.

        Returns:
            (n,) int64: 1-based identity of each face, in the order of `faces`; 0 for a face that is not (yet)
            trusted to be one.
        """
