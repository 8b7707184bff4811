"""From what decoders hand out to upright, contiguous BGR pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import Image


def to_bgr(pixels: NDArray[Any]) -> Image:
    """Brings a decoded picture to three channels of eight bits.

    Args:
        pixels: (H, W) or (H, W, 1) grey, (H, W, 3) BGR or (H, W, 4) BGRA; uint8, or uint16 over its whole
            range.

    Returns:
        (H, W, 3) uint8 BGR, contiguous. Transparent parts are laid over white, as a browser shows them.
    """
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    bgr = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), np.uint8)
    alpha = pixels[:, :, 3]
    if alpha.min() == 255:
        return bgr
    opacity = alpha[:, :, None].astype(np.float32) / 255
    return np.asarray(np.rint(bgr * opacity + 255 * (1 - opacity)), np.uint8)


def make_upright(image: Image, display_matrix: bytes) -> Image:
    """Turns and mirrors a picture as its display matrix asks.

    Args:
        image: (H, W, 3) uint8.
        display_matrix: 3x3 int32 as in FFmpeg's `libavutil/display.h`: with its upper left part named a, b /
            c, d, the point (x, y) of the picture is shown at (ax + cy, bx + dy), y downwards. Angles between
            quarter turns go to the nearest one.

    Returns:
        (H, W, 3) or (W, H, 3) uint8, contiguous.
    """
    a, b, _, c, d = (int(value) for value in np.frombuffer(display_matrix, np.int32, count=5))
    if abs(b) + abs(c) > abs(a) + abs(d):
        image = np.asarray(cv2.transpose(image), np.uint8)
        flip_x, flip_y = c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    if flip_x or flip_y:
        flip_code = -1 if flip_x and flip_y else int(flip_x)
        image = np.asarray(cv2.flip(image, flip_code), np.uint8)
    return image
