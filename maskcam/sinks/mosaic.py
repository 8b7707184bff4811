"""Lays the pictures of several cameras out side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maskcam.lettering import WHITE, Colour, Pen
from maskcam.sinks.fitting import fitted_wh, place
from maskcam.types import Image

LARGEST_WH = (1280, 800)
"""Fits on a laptop's screen."""
UNKNOWN_WH = (640, 360)
"""Size of the stand-in for a camera that has given no picture yet: most cameras have its proportions."""

_GAP = 4  # pixels between pictures
_EMPTY: Colour = (40, 40, 40)
_PLATE: Colour = (24, 24, 24)
_DIMMED = 0.4


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns and rows of equal cells, filled row by row.

    Attributes:
        columns: cells side by side.
        rows: cells one below another.
        cell_wh: width and height of a cell in pixels.
    """

    columns: int
    rows: int
    cell_wh: tuple[int, int]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the whole in pixels."""
        (width, height), gaps = self.cell_wh, (self.columns - 1, self.rows - 1)
        return self.columns * width + gaps[0] * _GAP, self.rows * height + gaps[1] * _GAP

    def left_top(self, index: int) -> tuple[int, int]:
        """Where the cell with this number begins, counted from 0."""
        row, column = divmod(index, self.columns)
        return column * (self.cell_wh[0] + _GAP), row * (self.cell_wh[1] + _GAP)


def arrange(sizes_wh: Sequence[tuple[int, int]], largest_wh: tuple[int, int] = LARGEST_WH) -> Grid:
    """The grid in which these pictures cover the largest area.

    Args:
        sizes_wh: of the pictures, at least one; only their proportions count.
        largest_wh: room for the whole, in pixels. The grid gets no larger than its pictures need.
    """
    best, largest_area = Grid(1, 1, (1, 1)), 0
    for columns in range(1, len(sizes_wh) + 1):
        rows = -(-len(sizes_wh) // columns)
        room = largest_wh[0] - (columns - 1) * _GAP, largest_wh[1] - (rows - 1) * _GAP
        cell = max(1, room[0] // columns), max(1, room[1] // rows)
        fitted = [fitted_wh(size, cell) for size in sizes_wh]
        area = sum(width * height for width, height in fitted)
        if area > largest_area:
            needed = max(width for width, _ in fitted), max(height for _, height in fitted)
            best, largest_area = Grid(columns, rows, needed), area
    return best


@dataclass(slots=True)
class _Tile:
    picture: Image | None = None
    note: str | None = None
    stale: bool = True

    @property
    def size_wh(self) -> tuple[int, int]:
        return UNKNOWN_WH if self.picture is None else (self.picture.shape[1], self.picture.shape[0])


class Mosaic:
    """The last pictures of all cameras in a grid, each with its name and, for the first nine, its number.

    Cameras keep their order. Only what has changed is drawn again.

    Args:
        cameras: names, in order; others are added when they are first heard of.
        largest_wh: of the whole, in pixels.
    """

    def __init__(self, cameras: Sequence[str] = (), *, largest_wh: tuple[int, int] = LARGEST_WH) -> None:
        self._largest_wh = largest_wh
        self._tiles = {name: _Tile() for name in cameras}
        self._grid: Grid | None = None
        self._canvas = np.zeros((1, 1, 3), np.uint8)

    @property
    def cameras(self) -> list[str]:
        """Names, in the order in which they are shown."""
        return list(self._tiles)

    def put(self, camera: str, picture: Image) -> None:
        """Takes the newest picture of a camera, (H, W, 3) uint8 BGR of any size; kept, not changed."""
        tile = self._tile(camera)
        if picture.shape[:2] != (None if tile.picture is None else tile.picture.shape[:2]):
            self._grid = None
        tile.picture = picture
        tile.stale = True

    def note(self, camera: str, text: str | None) -> None:
        """Dims a camera's picture and writes this over it; None takes it away."""
        tile = self._tile(camera)
        tile.stale |= tile.note != text
        tile.note = text

    def draw(self) -> Image:
        """All cameras, (H, W, 3) uint8 BGR; the same array every time while the layout stays."""
        grid = self._lay_out()
        for index, (camera, tile) in enumerate(self._tiles.items()):
            if tile.stale:
                left, top = grid.left_top(index)
                width, height = grid.cell_wh
                room = self._canvas[top : top + height, left : left + width]
                _draw_tile(room, tile, camera if index >= 9 else f"{index + 1} {camera}")
                tile.stale = False
        return self._canvas

    def draw_one(self, camera: str) -> Image:
        """One camera's picture in full size, (H, W, 3) uint8 BGR: its own array unless there is a note."""
        tile = self._tile(camera)
        if tile.picture is not None and tile.note is None:
            return tile.picture
        width, height = tile.size_wh
        picture = np.empty((height, width, 3), np.uint8)
        _draw_tile(picture, tile, camera)
        return picture

    def camera_at(self, x: int, y: int) -> str | None:
        """Whose cell is at this pixel of the whole."""
        grid = self._lay_out()
        for index, camera in enumerate(self._tiles):
            left, top = grid.left_top(index)
            if 0 <= x - left < grid.cell_wh[0] and 0 <= y - top < grid.cell_wh[1]:
                return camera
        return None

    def _tile(self, camera: str) -> _Tile:
        if camera not in self._tiles:
            self._tiles[camera] = _Tile()
            self._grid = None
        return self._tiles[camera]

    def _lay_out(self) -> Grid:
        if self._grid is None:
            self._grid = arrange([tile.size_wh for tile in self._tiles.values()], self._largest_wh)
            width, height = self._grid.size_wh
            self._canvas = np.zeros((height, width, 3), np.uint8)
            for tile in self._tiles.values():
                tile.stale = True
        return self._grid


def _draw_tile(room: Image, tile: _Tile, name: str) -> None:
    note = "connecting" if tile.picture is None and tile.note is None else tile.note
    if tile.picture is None:
        room[:] = _EMPTY
    else:
        place(tile.picture, room)
        if note is not None:  # grey and dark, so that nobody takes it for what is happening now
            grey = cv2.convertScaleAbs(cv2.cvtColor(room, cv2.COLOR_BGR2GRAY), alpha=_DIMMED)
            room[:] = grey[:, :, None]
    height, width = room.shape[:2]
    pen = Pen(room, min(28, max(13, round(0.05 * min(height, width)))))
    name = pen.shorten(name, width)
    if name and pen.line_height <= height:
        pen.plate(name, (0, height - pen.line_height, pen.plate_width(name), height), _PLATE)
    if note is not None:
        _write_note(pen, note)


def _write_note(pen: Pen, note: str) -> None:
    """In the middle, on as many lines as it takes."""
    height, width = pen.image.shape[:2]
    lines = [""]
    for word in note.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pen.plate_width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    top = (height - len(lines) * pen.line_height) // 2
    for number, line in enumerate(lines):
        text = pen.shorten(line, width)
        pen.write(text, (width - pen.plate_width(text)) // 2, top + number * pen.line_height, WHITE)
