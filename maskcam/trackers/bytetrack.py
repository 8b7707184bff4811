"""ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022)."""

from __future__ import annotations

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker as RoboflowByteTrack

from maskcam.trackers.base import Tracker
from maskcam.types import Faces

_TICK_SECONDS = 1e-3
"""Two frames may carry the same time stamp, or a slightly older one; to the tracker each comes a moment later."""


class ByteTrack(Tracker):
    """Roboflow's ByteTrack behind our seam; it works on time stamps, so any frame rate will do.

    Args:
        minimum_score: a face must reach it to start a track; weaker ones only prolong tracks.
        confirm_frames: a face must be found in that many frames in a row before it gets an identity. More keep
            chance detections out, fewer show a person sooner.
        lost_seconds: a track whose face is not found for longer ends; the person gets a new identity afterwards.
    """

    def __init__(self, *, minimum_score: float, confirm_frames: int, lost_seconds: float) -> None:
        if lost_seconds <= 0:
            raise ValueError(f"lost_seconds must be positive, got {lost_seconds}")
        self._minimum_score = minimum_score
        self._confirm_frames = confirm_frames
        self._lost_seconds = lost_seconds
        self._last_seconds = -np.inf
        self._given = 0
        self._restart()

    def _restart(self) -> None:
        self._tracker = RoboflowByteTrack(
            lost_track_buffer=max(1, round(self._lost_seconds * 30)),  # counted in frames of 1/30 s
            frame_rate=30.0,
            track_activation_threshold=self._minimum_score,
            high_conf_det_threshold=self._minimum_score,
            minimum_consecutive_frames=self._confirm_frames,
        )
        self._identities: dict[int, int] = {}

    def update(self, faces: Faces, *, pts_seconds: float) -> NDArray[np.int64]:
        gap = pts_seconds - self._last_seconds
        if gap < -self._lost_seconds or gap > self._lost_seconds:
            self._restart()  # nobody can be followed across such a jump
            self._last_seconds = -np.inf
        self._last_seconds = max(pts_seconds, self._last_seconds + _TICK_SECONDS)
        found = self._tracker.update(
            sv.Detections(
                xyxy=faces.boxes_xyxy.astype(np.float64),
                confidence=faces.scores.astype(np.float64),
                data={"face": np.arange(len(faces))},  # the tracker reorders
            ),
            timestamp=self._last_seconds,
        )
        identities = np.zeros(len(faces), np.int64)
        if len(found):
            assert found.tracker_id is not None
            for face, theirs in zip(found.data["face"], found.tracker_id, strict=True):
                if theirs >= 0:
                    identities[face] = self._identity(int(theirs))
        return identities

    def _identity(self, theirs: int) -> int:
        """Our number for the tracker's: counted from 1 and never used again, also after a restart."""
        if theirs not in self._identities:
            self._given += 1
            self._identities[theirs] = self._given
        return self._identities[theirs]
