"""Follows faces from one frame to the next without a detector: for the moments between two looks.

Z. Kalal, K. Mikolajczyk and J. Matas, "Forward-Backward Error: Automatic Detection of Tracking Failures", ICPR 2010:
points spread over a box are followed by the optical flow of Lucas and Kanade, there and back again; the half that comes
back best moves and scales the box by its medians.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import Faces

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]

_ACROSS = 6
"""Points across a face."""
_WINDOW = 9
"""Side of the square around a point that is looked for in the next frame."""
_LEVELS = 2
"""Halvings of the picture: a face is found that has moved by four times the window."""
_ASTRAY = 1.0
"""Pixels of the glance by which a point misses where it came from when it has been lost."""


def follow_faces(before: Grey, now: Grey, faces: Faces, *, size_wh: tuple[int, int]) -> Faces | None:
    """Moves faces to where they are one frame later.

    Args:
        before: the frame in which they were found, see `maskcam.pixels.Pixels.glance`.
        now: the next one.
        faces: pixels of the whole frame.
        size_wh: of the whole frame.

    Returns:
        The same faces, in order, with their scores; None where one of them could not be followed.
    """
    if not len(faces):
        return faces
    scale = np.array(now.shape[::-1], np.float32) / np.array(size_wh, np.float32)
    corners = faces.boxes_xyxy.reshape(-1, 2, 2) * scale
    start = np.asarray(corners[:, :1] + _spread() * (corners[:, 1:] - corners[:, :1]), np.float32)
    end, missed = _there_and_back(before, now, start)
    best = np.argsort(missed, axis=1)[:, : missed.shape[1] // 2]
    if np.take_along_axis(missed, best[:, -1:], axis=1).max() > _ASTRAY:
        return None
    old, new = (np.take_along_axis(points, best[..., None], axis=1) for points in (start, end))
    growth = _growth(old, new)[:, None, None]
    centre = corners.mean(axis=1, keepdims=True)
    moved_centre = centre + np.median(new - old, axis=1, keepdims=True)
    boxes = (corners - centre) * growth + moved_centre
    landmarks = faces.landmarks
    if landmarks is not None:
        landmarks = ((landmarks * scale - centre) * growth + moved_centre) / scale
        landmarks = np.asarray(landmarks, np.float32)
    limits = np.array(size_wh * 2, np.float32)
    moved = (boxes / scale).reshape(-1, 4).clip(0, limits).astype(np.float32)
    if (moved[:, 2:] - moved[:, :2]).min() < 1:  # left the picture
        return None
    return Faces(moved, faces.scores, landmarks)


def _spread() -> Floats:
    """(points, 2) in [0, 1], evenly over a box."""
    steps = (np.arange(_ACROSS, dtype=np.float32) + 0.5) / _ACROSS
    return np.asarray(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), np.float32)


def _there_and_back(before: Grey, now: Grey, start: Floats) -> tuple[Floats, Floats]:
    """Where points (n, points, 2) have gone, and (n, points) pixels by which they miss the start on their way back."""
    points = np.ascontiguousarray(start.reshape(-1, 1, 2), np.float32)
    window = (_WINDOW, _WINDOW)
    nothing = np.empty_like(points)  # room for the answer; None is no argument that the stubs know
    end, is_found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, points, nothing, winSize=window, maxLevel=_LEVELS
    )
    back, is_back, _ = cv2.calcOpticalFlowPyrLK(
        now, before, end, nothing.copy(), winSize=window, maxLevel=_LEVELS
    )
    missed = np.linalg.norm(np.asarray(back) - points, axis=2)
    missed[(np.asarray(is_found) & np.asarray(is_back)) == 0] = np.inf
    return np.asarray(end, np.float32).reshape(start.shape), missed.reshape(start.shape[:2]).astype(
        np.float32
    )


def _growth(old: Floats, new: Floats) -> Floats:
    """By how much the points (n, points, 2) of each face have moved apart: (n,), the medians over all pairs."""
    first, second = np.triu_indices(old.shape[1], 1)
    before = np.linalg.norm(old[:, first] - old[:, second], axis=2)
    after = np.linalg.norm(new[:, first] - new[:, second], axis=2)
    # points of a box so small that they nearly fall together say nothing: such a pair has kept its distance
    ratios = np.divide(after, before, out=np.ones_like(before), where=before > 1)
    return np.asarray(np.median(ratios, axis=1), np.float32)
