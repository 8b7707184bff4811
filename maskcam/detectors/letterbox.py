"""Pictures to the input of a detector's network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskcam.pixels import Pixels
from maskcam.types import Image

STRIDE = 32
"""Of the coarsest grid: inputs are padded to multiples of it."""


def input_shape(size_wh: tuple[int, int], *, size: int) -> tuple[int, int]:
    """Height and width of the network's input for a picture: its longest side `size`, both multiples of 32."""
    width, height = size_wh
    scale = size / max(height, width)
    return _padded(round(height * scale)), _padded(round(width * scale))


def letterbox(pictures: Sequence[Pixels], *, size: int, shape: tuple[int, int]) -> tuple[Image, list[float]]:
    """Resizes pictures to one longest side and pads them with black at the right and bottom.

    Args:
        pictures: all with the same `input_shape`: a canvas larger than a picture needs would
            change what is found at its border.
        size: longest side after resizing, pixels; smaller pictures are enlarged, since that finds more small faces.
        shape: their `input_shape`.

    Returns:
        (b, h, w, 3) uint8, and the scale of each picture (input pixels per picture's pixel).
    """
    batch = np.zeros((len(pictures), *shape, 3), np.uint8)
    scales = [size / max(picture.size_wh) for picture in pictures]
    for canvas, picture, scale in zip(batch, pictures, scales, strict=True):
        width, height = (max(1, round(side * scale)) for side in picture.size_wh)
        canvas[:height, :width] = picture.scaled((width, height))
    return batch, scales


def _padded(side: int) -> int:
    return max(1, -(-side // STRIDE)) * STRIDE
