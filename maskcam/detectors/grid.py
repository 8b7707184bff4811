"""Outputs of YuNet to faces, in NumPy: for every engine that is not PyTorch.

The same formulas as those of `maskcam.networks.yunet`, which work on the device; a test compares the two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maskcam.detectors.boxes import suppress

Floats = NDArray[np.float32]

NMS_IOU = 0.45  # as published
VOTE_IOU = 0.65  # chosen on scenes/val
CANDIDATES = 1000  # best cells per picture that reach non-maximum suppression
_STRIDES = (8, 16, 32)
_LANDMARKS = 5


def read_faces(
    outputs: tuple[Floats, ...], shape: tuple[int, int], *, minimum_score: float
) -> tuple[Floats, Floats, Floats]:
    """Finds the faces in what the network says of one picture.

    The box of a face is the mean of all boxes that were suppressed for it, weighted by score ("box voting",
    S. Gidaris and N. Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model",
    ICCV 2015): steadier from frame to frame than the best one alone, and closer to the face.

    Args:
        outputs: see `maskcam.networks.yunet.Predictions`, without the axis of the batch.
        shape: height and width of the network's input.
        minimum_score: faces below it are dropped.

    Returns:
        (k, 4) boxes, (k,) scores and (k, 5, 2) landmarks, best first, in pixels of the network's input.
    """
    face, objectness, offsets, points = outputs
    # the geometric mean of the two, as in OpenCV's FaceDetectorYN
    with np.errstate(over="ignore"):  # a score of 0
        scores = 1 / np.sqrt((1 + np.exp(-face)) * (1 + np.exp(-objectness)))
    cells = np.flatnonzero(scores >= minimum_score)
    if len(cells) > CANDIDATES:
        cells = cells[np.argpartition(-scores[cells], CANDIDATES)[:CANDIDATES]]
    scores = scores[cells]
    corners, strides = (of_all[cells] for of_all in grid_cells(*shape))
    centres = corners + offsets[cells, :2] * strides
    half = np.exp(offsets[cells, 2:]) * strides / 2
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    kept, alike = suppress(boxes, scores, iou=NMS_IOU)
    votes = (alike >= VOTE_IOU) * scores
    settled = votes @ boxes / votes.sum(axis=1, keepdims=True)
    landmarks = corners[kept, None] + points[cells[kept]].reshape(-1, _LANDMARKS, 2) * strides[kept, None]
    return settled, scores[kept], landmarks


@lru_cache(maxsize=16)
def grid_cells(height: int, width: int) -> tuple[Floats, Floats]:
    """Corners and strides of all cells for an input of the given size.

    Args:
        height: of the network's input in pixels, a multiple of 32.
        width: likewise.

    Returns:
        (a, 2) float32 corners (x, y) in input pixels, and (a, 1) float32 strides; shared, not to be changed.
    """
    corners, strides = [], []
    for stride in _STRIDES:
        ys, xs = np.mgrid[0:height:stride, 0:width:stride]
        corners.append(np.stack([xs, ys], axis=-1).reshape(-1, 2))
        strides.append(np.full((xs.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)
