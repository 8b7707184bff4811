"""Where in the picture masks are required."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import Polygon

_MARGIN = 0.25
"""Of a face's shorter side: how far its centre must be past a border to have crossed it.

A detected box trembles by a few hundredths of its side. And since boxes end where the picture ends, a centre is
always half a side away from the picture's edge: a border along that edge keeps nobody from being inside.
"""
_SMALLEST_AREA = 1e-4
"""Of the picture: a hundredth of its width by a hundredth of its height is no place to stand in."""


@dataclass(frozen=True, slots=True)
class Zones:
    """The parts of one camera's picture in which masks are required.

    Attributes:
        polygons: the corners of each part, in order around it, x and y in [0, 1] of the picture's width and
            height, so that they hold at any resolution. A place in any of them counts; none at all means
            everywhere.

    Raises:
        ValueError: a polygon has fewer than three corners, a corner outside [0, 1], no area, or sides that cross.
    """

    polygons: tuple[Polygon, ...] = ()

    def __post_init__(self) -> None:
        for polygon in self.polygons:
            _check_polygon(polygon)

    def contain(
        self, box_xyxy: NDArray[np.float32], *, size_wh: tuple[int, int], before: bool | None = None
    ) -> bool:
        """Whether a face is in one of the zones, by its centre.

        Whoever stands on a border is not in and out by turns: a face that has been on one side of it is on the
        other only once its centre is a quarter of its shorter side beyond.

        Args:
            box_xyxy: (4,) float32, pixels.
            size_wh: width and height of the picture, pixels.
            before: what was answered for this face in the frame before; None for one never seen.
        """
        if not self.polygons:
            return True
        x1, y1, x2, y2 = (float(v) for v in box_xyxy)
        centre = ((x1 + x2) / 2, (y1 + y2) / 2)
        margin = _MARGIN * min(x2 - x1, y2 - y1)
        for polygon in self.polygons:
            outline = (np.array(polygon) * size_wh).astype(np.float32)
            depth = cv2.pointPolygonTest(outline, centre, measureDist=True)
            if depth >= _depth_needed(outline, margin, before=before):
                return True
        return False


EVERYWHERE = Zones()
"""No polygon: masks are required in the whole picture."""


def _depth_needed(outline: NDArray[np.float32], margin: float, *, before: bool | None) -> float:
    """Pixels that a centre must be inside an outline, or may be outside of it if negative, to count as inside."""
    if before is None:
        return 0.0
    if before:
        return -margin
    # area over perimeter is at most the depth of the deepest place: a face that is large for a narrow zone, such
    # as a door near the camera, must be able to enter it
    return min(margin, 0.5 * cv2.contourArea(outline) / cv2.arcLength(outline, closed=True))


def _check_polygon(polygon: Polygon) -> None:
    if len(polygon) < 3:
        raise ValueError(f"a zone needs at least 3 corners, got {len(polygon)}: list the corners around it")
    for point in polygon:
        if len(point) != 2 or not all(0 <= value <= 1 for value in point):
            raise ValueError(
                f"a zone's corner must be x and y between 0 and 1, got {tuple(point)}: "
                "divide pixels by the picture's width and height"
            )
    corners = np.array(polygon)
    after = np.roll(corners, -1, axis=0)
    sides = list(zip(corners, after, strict=True))
    if any(_cross(first, second) for first, second in itertools.combinations(sides, 2)):
        raise ValueError(f"the sides of the zone {polygon} cross: list its corners in order around it")
    area = abs(float((corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]).sum())) / 2
    if area < _SMALLEST_AREA:
        raise ValueError(
            f"the zone {polygon} covers {area:.2g} of the picture, less than {_SMALLEST_AREA:g}: "
            "give corners that enclose a place to stand in"
        )


_Side = tuple[NDArray[np.float64], NDArray[np.float64]]


def _cross(first: _Side, second: _Side) -> bool:
    """Whether each side passes from one flank of the other to its other flank; to touch is not to cross."""
    return _parted(first, second) and _parted(second, first)


def _parted(line: _Side, points: _Side) -> bool:
    """Whether a line goes between two points."""
    (start, end), (one, other) = line, points
    flanks = [
        (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
        for point in (one, other)
    ]
    return bool(flanks[0] * flanks[1] < 0)
