"""Boxes to square crops: the one copy, shared by the runtime and by training.

A crop is a square around the centre of the box, its side the box's longer side plus a margin, resized
to the classifier's input. What lies outside the image is black.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.pixels import Image, Pixels, as_pixels


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How crops are cut; part of a model card, since a classifier only knows what it was trained on.

    Attributes:
        size: side of the crop in pixels, as the classifier takes it.
        margin: part of the box's longer side added on every side: 0.2 makes the square 1.4 times as wide.
    """

    size: int
    margin: float

    def __post_init__(self) -> None:
        if self.size < 16:
            raise ValueError(f"size must be at least 16 pixels, got {self.size}")
        if not 0 <= self.margin <= 2:
            raise ValueError(f"margin must lie in [0, 2], got {self.margin}")


def square_boxes(boxes_xyxy: NDArray[np.float32], *, margin: float) -> NDArray[np.float32]:
    """Widens boxes to squares around the same centres.

    Args:
        boxes_xyxy: (n, 4) float32, pixels.
        margin: see `CropSpec`.

    Returns:
        (n, 4) float32; may reach outside the image.
    """
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    sides = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1, initial=0, keepdims=True)
    half = np.maximum(sides, 1) * (0.5 + margin)
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


def cut_crops(picture: Image | Pixels, boxes_xyxy: NDArray[np.float32], spec: CropSpec) -> Image:
    """Cuts one square crop per box.

    Args:
        picture: (H, W, 3) uint8 in any channel order, or a frame's pixels; left unchanged.
        boxes_xyxy: (n, 4) float32, pixels; may be partly or wholly outside the image.
        spec: side and margin.

    Returns:
        (n, size, size, 3) uint8 in the picture's channel order.
    """
    pixels = as_pixels(picture)
    crops = np.empty((len(boxes_xyxy), spec.size, spec.size, 3), np.uint8)
    for crop, square in zip(crops, square_boxes(boxes_xyxy, margin=spec.margin), strict=True):
        cut_square(pixels, square, out=crop)
    return crops


def cut_square(pixels: Pixels, square_xyxy: NDArray[np.float32], *, out: Image) -> None:
    """Resizes one square of a picture into `out`, with area averaging when it shrinks.

    Args:
        pixels: the picture.
        square_xyxy: (4,) float32, pixels; rounded to whole pixels.
        out: (S, S, 3) uint8, written.
    """
    width, height = pixels.size_wh
    x1, y1 = (int(v) for v in np.floor(square_xyxy[:2] + 0.5))
    side = max(1, int(np.floor(square_xyxy[2] - square_xyxy[0] + 0.5)))
    x2, y2 = x1 + side, y1 + side
    left, right = (min(max(0, x), width) for x in (x1, x2))
    top, bottom = (min(max(0, y), height) for y in (y1, y2))
    inside = pixels.region(left, top, right, bottom)
    if inside.size == 0:
        out[:] = 0
        return
    if inside.shape[:2] != (side, side):
        around = (top - y1, y2 - bottom, left - x1, x2 - right)
        bordered = cv2.copyMakeBorder(inside, *around, cv2.BORDER_CONSTANT)
        inside = np.asarray(bordered, np.uint8)
    shrinks = side > out.shape[0]
    cv2.resize(inside, out.shape[:2], dst=out, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
