"""How well a face can be recognised on a snapshot."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import Frame, Image, Track

_SIDE = 64
"""Pixels, of the square that a face is shrunk to before its sharpness is measured: size has a factor of its own."""
_ENOUGH_PIXELS = 80.0
"""Side of a face that shows half of what there is to recognise; past twice that, more pixels say little."""
_HALF_SHARP = 0.12
"""Sharpness of a face that is worth half of a perfectly sharp one; see `benchmarks/results/violations.md`."""
_CUT = 0.25
"""What a face cut by the edge of the picture is worth."""
_PROFILE = 0.25
"""What a face in profile is worth."""


def view_quality(track: Track, frame: Frame) -> float:
    """How well a face can be recognised on a snapshot, and that it breaks the rule; in [0, 1], higher is better.

    The product of: size, detector's score, sharpness, how frontal it is, a quarter for one cut by the picture's edge,
    and how surely the classifier sees the rule broken in this very frame: the steady status may outlast that for a
    moment, in which a snapshot would show a mask.
    """
    x1, y1, x2, y2 = track.box_xyxy.tolist()
    width, height = frame.size_wh
    cut = x1 <= 1 or y1 <= 1 or x2 >= width - 1 or y2 >= height - 1
    area: float = (x2 - x1) * (y2 - y1)
    left, right = (min(max(0, round(x)), width) for x in (x1, x2))
    top, bottom = (min(max(0, round(y)), height) for y in (y1, y2))
    broken = sum(float(p) for status, p in track.verdict.probabilities.items() if status.is_violation)
    return (
        area
        / (area + _ENOUGH_PIXELS**2)
        * track.score
        * _worth(sharpness(frame.pixels.region(left, top, right, bottom)), half=_HALF_SHARP)
        * (1.0 if track.landmarks is None else _PROFILE + (1 - _PROFILE) * frontality(track.landmarks))
        * (_CUT if cut else 1.0)
        * broken
    )


def sharpness(face: Image) -> float:
    """Fine detail of a face, whatever its size and contrast.

    The variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000) at
    64 x 64 pixels, or at the face's own size where that is less, as a part of the variance of the brightness: a dim
    face is not taken for a blurred one.

    Args:
        face: (H, W, 3) uint8 BGR; may be empty.

    Returns:
        0 for nothing but one brightness; 0.02 blurred, 0.3 sharp.
    """
    if 0 in face.shape:
        return 0.0
    # averaging every pixel of a large face takes 2 ms; of twice as many as are needed, it takes a fifth of one
    step = max(1, min(face.shape[:2]) // (2 * _SIDE))
    side = min(_SIDE, *face.shape[:2])  # never enlarged: that would count against small faces a second time
    small = cv2.resize(face[::step, ::step], (side, side), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    detail = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1].item()
    contrast = cv2.meanStdDev(grey)[1].item()
    return float(detail**2 / (contrast**2 + 1.0))  # 1: noise of the camera is no contrast


def frontality(landmarks: NDArray[np.float32]) -> float:
    """How much a face looks into the camera: 1 with the nose amid the eyes, 0 with it beside or beyond an eye.

    Args:
        landmarks: (5, 2) pixels, as in `Faces.landmarks`.
    """
    right, left, nose = landmarks[:3].astype(np.float64)
    between = left - right
    width = float(between @ between)
    if width == 0:
        return 0.0
    aside = abs(float((nose - (right + left) / 2) @ between) / width)  # of the distance between the eyes
    return max(0.0, 1.0 - 2 * aside)


def _worth(amount: float, *, half: float) -> float:
    return amount / (amount + half)
