"""What charts are drawn of: points in a plane of 1000 by 100, for SVG that stretches to the width of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from maskcam.store.observations import GRID_WH, Heat
from maskcam.web.schemas import Group

_WIDTH, _HEIGHT = 1000.0, 100.0
_OFTEN, _SOMETIMES = 0.35, 0.1
"""Parts of the faces in a cell that could not be judged."""


@dataclass(frozen=True, slots=True)
class Compliance:
    """Rates over time with their intervals.

    Attributes:
        name: of the camera, or of all together.
        total: of the whole time; None where nobody was judged.
        bands: corners of the intervals, one polygon for each stretch without a gap.
        lines: points of the rates, likewise.
        dots: each rate.
        bars: from the lower to the upper end of each interval that has no neighbour, so that it can be seen at all.
        rows: what it is drawn of.
    """

    name: str
    total: Group
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    bars: tuple[tuple[float, float, float], ...]
    rows: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell in which faces were seen.

    Attributes:
        column: from the left, 0-based.
        row: from the top, 0-based.
        kind: how often it could not be told: rarely, sometimes or often.
        strength: how many faces, in [0.35, 0.9].
        seen: faces, each once a second.
        unsure: of these.
    """

    column: int
    row: int
    kind: str
    strength: float
    seen: int
    unsure: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where faces can be judged.

    Attributes:
        camera: name.
        cells: where there were any.
        seen: face-seconds in all.
        unsure: of these.
        parts: of nine, row by row, the number seen and the number unsure.
        worst: the part of the picture in which it could be told least, in words; None where it hardly differs.
    """

    camera: str
    cells: tuple[HeatCell, ...]
    seen: int
    unsure: int
    parts: tuple[tuple[int, int], ...]
    worst: str | None


@dataclass(frozen=True, slots=True)
class _Point:
    """One hour or day in the plane; heights count from the top."""

    start: datetime
    x: float
    rate: float
    low: float
    high: float


def compliance(
    name: str, total: Group, groups: Sequence[Group], *, start: datetime, end: datetime, step: timedelta
) -> Compliance:
    """The points of a chart.

    Args:
        name: of the camera.
        total: of all groups.
        groups: one per hour or day, in order, each with its start.
        start: left edge.
        end: right edge.
        step: an hour or a day.
    """
    points = [
        _Point(
            group.start,
            round(_WIDTH * ((group.start + step / 2 - start) / (end - start)), 1),
            *(_down(share) for share in (group.rate, *group.interval)),
        )
        for group in groups
        if group.rate is not None and group.interval is not None and group.start is not None
    ]
    stretches: list[list[_Point]] = []
    for point in points:
        # a day of 25 hours is no gap
        if stretches and point.start - stretches[-1][-1].start < 1.5 * step:
            stretches[-1].append(point)
        else:
            stretches.append([point])
    wide = [stretch for stretch in stretches if len(stretch) > 1]
    return Compliance(
        name=name,
        total=total,
        bands=tuple(
            _points([(one.x, one.high) for one in stretch] + [(one.x, one.low) for one in reversed(stretch)])
            for stretch in wide
        ),
        lines=tuple(_points([(one.x, one.rate) for one in stretch]) for stretch in wide),
        dots=tuple((one.x, one.rate) for one in points),
        bars=tuple((one.x, one.low, one.high) for one, *others in stretches if not others),
        rows=tuple(groups),
    )


def heat_map(camera: str, heat: Heat) -> HeatMap:
    """The cells of a map, and what they say in words."""
    most = max(int(heat.seen.max()), 1)
    across, down = GRID_WH
    cells = []
    for row in range(down):
        for column in range(across):
            seen, unsure = int(heat.seen[row, column]), int(heat.unsure[row, column])
            if seen:
                strength = 0.35 + 0.55 * math.log1p(seen) / math.log1p(most)
                cells.append(HeatCell(column, row, _kind(unsure / seen), round(strength, 2), seen, unsure))
    parts = [
        (
            int(heat.seen[6 * y : 6 * y + 6, _third(x) : _third(x + 1)].sum()),
            int(heat.unsure[6 * y : 6 * y + 6, _third(x) : _third(x + 1)].sum()),
        )
        for y in range(3)
        for x in range(3)
    ]
    return HeatMap(
        camera=camera,
        cells=tuple(cells),
        seen=int(heat.seen.sum()),
        unsure=int(heat.unsure.sum()),
        parts=tuple(parts),
        worst=_worst(parts, int(heat.seen.sum()), int(heat.unsure.sum())),
    )


PARTS = (
    *("at the top left", "at the top", "at the top right"),
    *("on the left", "in the middle", "on the right"),
    *("at the bottom left", "at the bottom", "at the bottom right"),
)


def _worst(parts: Sequence[tuple[int, int]], seen: int, unsure: int) -> str | None:
    """The part in which by far more could not be judged than elsewhere, if enough faces were there to say so."""
    enough = [(part_unsure / part, place) for place, (part, part_unsure) in enumerate(parts) if part >= 30]
    if not enough or not seen:
        return None
    share, place = max(enough)
    return PARTS[place] if share > _SOMETIMES and share > 1.5 * unsure / seen else None


def _third(place: int) -> int:
    return round(GRID_WH[0] * place / 3)


def _kind(share: float) -> str:
    return "often" if share > _OFTEN else "sometimes" if share > _SOMETIMES else "rarely"


def _down(share: float) -> float:
    return round(_HEIGHT * (1 - share), 1)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
