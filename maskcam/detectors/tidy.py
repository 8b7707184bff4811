"""Raw boxes to the `Faces` that every detector promises."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskcam.types import Faces


def tidy_faces(
    boxes_xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    landmarks: NDArray[np.float32] | None = None,
    *,
    size_wh: tuple[int, int],
) -> Faces:
    """Clips boxes to the image, drops those with a side under one pixel, and puts the best score first.

    Args:
        boxes_xyxy: (n, 4) float32, pixels; may reach outside the image.
        scores: (n,) float32; clipped to [0, 1].
        landmarks: (n, 5, 2) float32 pixels, left as they are, or None.
        size_wh: width and height of the image.

    Returns:
        At most n faces in new arrays; equal scores keep their order.
    """
    width, height = size_wh
    boxes = boxes_xyxy.clip(0, np.array([width, height, width, height], np.float32))
    real = np.flatnonzero((boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1))
    order = real[np.argsort(-scores[real], kind="stable")]
    return Faces(
        boxes_xyxy=boxes[order],
        scores=scores[order].clip(0, 1),
        landmarks=None if landmarks is None else landmarks[order],
    )
