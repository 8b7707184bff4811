"""What was seen of people beyond their violations: how surely each was judged, and where faces can be judged at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from maskcam.types import MaskStatus

GRID_WH = (32, 18)
"""Cells across and down a picture, on which faces are counted."""

MASKED, BARE, INCORRECT, UNSURE, EXEMPT = range(5)
"""Statuses of runs as numbers; exempt is whoever needs no mask at that place or time."""
STATUS_CODES = {
    MaskStatus.MASK: MASKED,
    MaskStatus.NO_MASK: BARE,
    MaskStatus.INCORRECT: INCORRECT,
    MaskStatus.UNSURE: UNSURE,
}
SURE_STEPS = 200
"""Steps of a stored probability, which fits a byte."""

RUNS = np.dtype(
    [("first_ms", "<u4"), ("last_ms", "<u4"), ("side_px", "<u2"), ("status", "u1"), ("surely", "u1")]
)
"""A stretch of a track with one status and about the same probability that the rule is broken.

`first_ms` and `last_ms` are of the first and the last frame of it, since the start of the track; `surely` counts steps
of 1/200; `side_px` is the mean shorter side of the face.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackScores:
    """How surely one track broke the rule, moment by moment; a long one comes in several parts.

    Attributes:
        run_id: of the run.
        camera: name of it.
        track_id: within the run and camera.
        started_ms: time of day of its first frame, milliseconds since 1970, UTC.
        number: of the violation that the person had, which says that several tracks are one person; None without.
        runs: an array of `RUNS`, as bytes.
    """

    run_id: str
    camera: str
    track_id: int
    started_ms: int
    number: int | None
    runs: bytes

    @property
    def key(self) -> str:
        """Of this part of the track."""
        return f"{self.run_id}/{self.camera}/track/{self.track_id}/{self.started_ms}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HourHeat:
    """Where one camera saw faces in one hour, and where it could not tell how their masks were worn.

    Attributes:
        run_id: of the run.
        camera: name of it.
        hour: at which it began.
        cells: number of a cell of `GRID_WH`, row by row; faces in it, each counted once a second; the unsure of these.
    """

    run_id: str
    camera: str
    hour: datetime
    cells: tuple[tuple[int, int, int], ...]

    @property
    def key(self) -> str:
        """Of this hour; a later report replaces an earlier one."""
        return f"{self.run_id}/{self.camera}/heat/{self.hour.isoformat()}"


@dataclass(frozen=True, slots=True, eq=False)
class StoredTracks:
    """Tracks as arrays, in the order of time for each person.

    Attributes:
        runs: (r,) of `RUNS`, all together.
        started_ms: (r,) int64, start of the track that each run is of.
        person: (r,) int64, from 0 on: runs with the same number are of one person.
        camera: (r,) int64, index in `cameras`.
        cameras: names.
        tracks: how many there are.
    """

    runs: NDArray[np.void]
    started_ms: NDArray[np.int64]
    person: NDArray[np.int64]
    camera: NDArray[np.int64]
    cameras: tuple[str, ...]
    tracks: int


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Where one camera saw faces.

    Attributes:
        seen: (18, 32) int64, face-seconds per cell.
        unsure: (18, 32) int64, those of them of which it could not be told.
    """

    seen: NDArray[np.int64]
    unsure: NDArray[np.int64]
