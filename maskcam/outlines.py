"""Lines on images: the outlines of faces and the borders of zones."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.lettering import BLACK, Colour
from maskcam.types import Image, Polygon

_ZONE_LIGHT: Colour = (255, 220, 160)
_ZONE_DARK: Colour = (90, 50, 10)


class Line(enum.Enum):
    """How the outline of a box is drawn."""

    CORNERS = "corners"
    FULL = "full"
    DASHED = "dashed"
    DOTTED = "dotted"
    TIPS = "tips"


def line_pixels(text_size: int, box: Sequence[int]) -> int:
    """Thickness of an outline: grows with the frame, but leaves small faces visible."""
    shorter = min(box[2] - box[0], box[3] - box[1])
    return max(1, min(round(text_size / 8), shorter // 12))


def draw_outline(image: Image, box: Sequence[int], line: Line, colour: Colour, *, thickness: int) -> None:
    """A coloured line on a wider black one, so that it shows on any background, but for small boxes."""
    x1, y1, x2, y2 = box
    corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], float)
    strokes: list[NDArray[np.int32]] = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        parts = _stroke_parts(line, float(np.abs(end - start).max()), thickness)
        strokes.extend(np.round(start + parts[:, :, None] * (end - start)).astype(np.int32))
    if min(x2 - x1, y2 - y1) >= 24:
        cv2.polylines(image, strokes, False, BLACK, thickness + 2 * max(1, thickness // 3))
    cv2.polylines(image, strokes, False, colour, thickness)


def _stroke_parts(line: Line, length: float, thickness: int) -> NDArray[np.float64]:
    """Starts and ends, in [0, 1], of what is drawn of one side: (n, 2); both corners always are."""
    if line is Line.FULL:
        return np.array([[0.0, 1.0]])
    if line is Line.CORNERS:
        return np.array([[0.0, 0.22], [0.78, 1.0]])
    if line is Line.TIPS:
        return np.array([[0.0, 0.1], [0.9, 1.0]])
    if line is Line.DASHED:
        gaps = max(1, round(length / (12 * thickness)))
        edges = np.linspace(0, 1, 2 * gaps + 2)
        return edges.reshape(-1, 2)
    dots = np.linspace(0, 1, max(2, round(length / (4 * thickness))))
    return np.stack([dots, dots], axis=1)


def draw_zone(image: Image, polygon: Polygon, *, thickness: int) -> None:
    """A closed line of light and dark dashes in turn: one of the two shows on any background.

    Args:
        image: (H, W, 3) uint8, drawn upon.
        polygon: the zone, in shares of width and height.
        thickness: of the line, pixels.
    """
    height, width = image.shape[:2]
    corners = np.round(np.array(polygon) * (width - 1, height - 1))
    dashes: list[NDArray[np.int32]] = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        parts = _stroke_parts(Line.DASHED, float(np.hypot(*(end - start))), thickness)
        dashes.extend(np.round(start + parts[:, :, None] * (end - start)).astype(np.int32))
    cv2.polylines(image, [corners.astype(np.int32)], True, _ZONE_DARK, thickness)
    cv2.polylines(image, dashes, False, _ZONE_LIGHT, thickness)
