"""Faces cut from frames, for people to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskcam.types import Image


def cut_face(image: Image, box_xyxy: NDArray[np.float32], *, margin: float) -> Image:
    """Cuts the box with its margin, as far as it lies in the image; at least one pixel.

    Args:
        image: (H, W, 3) uint8, BGR.
        box_xyxy: (4,) float32, pixels.
        margin: part of the box's width and height kept around it on every side.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (float(v) for v in box_xyxy)
    across, down = margin * (x2 - x1), margin * (y2 - y1)
    left = min(max(round(x1 - across), 0), width - 1)
    top = min(max(round(y1 - down), 0), height - 1)
    return image[top : max(round(y2 + down), top + 1), left : max(round(x2 + across), left + 1)]
