"""How large the faces are that a camera sees, and what looking for them costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from maskcam.detectors.base import Detector
from maskcam.probing.report import SMALL_FACE_PIXELS, FacesSeen
from maskcam.types import Image

_SURE_SCORE = 0.5
"""The pipeline takes weaker ones to prolong tracks; counted here, they would be walls and lamps."""


def look_for_faces(detector: Detector, images: Sequence[Image]) -> tuple[FacesSeen, float]:
    """Looks at every picture on its own, as `watch` does with one camera.

    Args:
        detector: its first call is not timed: networks set themselves up in it.
        images: at least one, each (H, W, 3) uint8 BGR.

    Returns:
        What was seen, and the median of milliseconds for a picture.
    """
    detector.detect(images[:1])
    sides: list[float] = []
    times: list[float] = []
    for image in images:
        started_seconds = time.perf_counter()
        (faces,) = detector.detect([image])
        times.append(time.perf_counter() - started_seconds)
        boxes = faces.boxes_xyxy[faces.scores >= _SURE_SCORE]
        sides += np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]).tolist()
    seen = FacesSeen(pictures=len(images), count=len(sides))
    if sides:
        seen = FacesSeen(
            pictures=len(images),
            count=len(sides),
            median_pixels=median(sides),
            smallest_pixels=min(sides),
            small_share=sum(side < SMALL_FACE_PIXELS for side in sides) / len(sides),
        )
    return seen, 1000 * median(times)
