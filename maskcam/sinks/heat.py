"""Counts where in the picture faces are, and where it cannot be told how their masks are worn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from maskcam.sinks.violation_records import storable
from maskcam.sinks.walltime import wall_seconds
from maskcam.store.observations import GRID_WH, HourHeat
from maskcam.types import FrameResult, MaskStatus

_LOOK_SECONDS = 1.0
_REPORT_SECONDS = 60.0


@dataclass(slots=True)
class _Camera:
    hour: int = 0
    looked_at: float = -math.inf
    reported_at: float = 0.0
    cells: dict[int, list[int]] = field(default_factory=dict)
    """Faces and unsure ones per cell, of the present hour."""
    has_changed: bool = False


class HeatCounter:
    """Looks at each camera once a second, and counts every face in it where its middle is.

    The sums of an hour are reported every minute, so that a crash loses a minute of them, no more.

    Args:
        run_id: of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._cameras: dict[str, _Camera] = {}

    def add(self, result: FrameResult) -> Iterator[HourHeat]:
        """Takes the faces of one frame; gives what is due to be reported."""
        name = result.frame.camera
        present = wall_seconds(result.frame, result.frame.pts_seconds)
        camera = self._cameras.setdefault(name, _Camera(reported_at=present))
        # a clock that was put back must not keep it from looking
        if abs(present - camera.looked_at) < _LOOK_SECONDS:
            return
        camera.looked_at = present
        if int(present // 3600) != camera.hour:
            yield from self._report(name, camera)
            camera.hour = int(present // 3600)
            camera.cells = {}
        self._count(result, camera)
        if abs(present - camera.reported_at) >= _REPORT_SECONDS:
            camera.reported_at = present
            yield from self._report(name, camera)

    def rest(self) -> Iterator[HourHeat]:
        """What has not been reported yet."""
        for name, camera in self._cameras.items():
            yield from self._report(name, camera)

    @staticmethod
    def _count(result: FrameResult, camera: _Camera) -> None:
        width, height = result.frame.size_wh
        across, down = GRID_WH
        for track in result.tracks:
            x1, y1, x2, y2 = track.box_xyxy.tolist()
            column = min(max(int((x1 + x2) / 2 / width * across), 0), across - 1)
            row = min(max(int((y1 + y2) / 2 / height * down), 0), down - 1)
            cell = camera.cells.setdefault(row * across + column, [0, 0])
            cell[0] += 1
            cell[1] += track.status is MaskStatus.UNSURE
            camera.has_changed = True

    def _report(self, name: str, camera: _Camera) -> Iterator[HourHeat]:
        if not camera.has_changed:
            return
        camera.has_changed = False
        yield HourHeat(
            run_id=self._run_id,
            camera=storable(name),
            hour=datetime.fromtimestamp(3600 * camera.hour, UTC),
            cells=tuple((cell, seen, unsure) for cell, (seen, unsure) in sorted(camera.cells.items())),
        )
