"""Where the faces before one camera are, between two looks of the detector."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.economy import EconomyOptions
from maskcam.flow import follow_faces
from maskcam.types import Faces, Sighting

Grey = NDArray[np.uint8]

_BLOCK = 4
"""Samples across a block of a glance: 16 of them average away the noise of a camera."""
_MOVED = 6.0
"""Grey levels by which a block changes when something moves; the noise of a dark room stays below."""
_AGREED = 3
"""Looks in a row that found the same faces: then nobody comes or goes, and a moment may pass until the next."""
_STRONG = 0.5
"""Score from which on a face counts for that; weaker ones flicker."""
_SAME = 0.5
"""Intersection over union of a face with itself one frame later."""
_SLOW_SECONDS = 0.07
"""Frames that are farther apart show too large steps to be followed, and are too few to be worth it."""
AFRESH_SECONDS = 60.0
"""At every multiple of it in a source's time, a lookout begins as if nothing had been before. A recording can then be
looked at in parts that begin there, each by itself, and the faces are the same as in one go."""


class Lookout:
    """Tells where faces are while it need not be looked for them anew.

    While nothing moves they stay where they were; while the same ones move on, they are followed from frame to frame.
    Once a minute, see `AFRESH_SECONDS`, it begins afresh.

    Args:
        options: how long either may go on.
    """

    def __init__(self, options: EconomyOptions) -> None:
        self._options = options
        self._begin()

    def _begin(self) -> None:
        """Knows nothing of what was before."""
        self._looked_seconds = -math.inf
        self._looked: Sighting | None = None
        """What the detector found last."""
        self._blocks: Grey | None = None
        """Of the frame in which it did."""
        self._last_seconds = -math.inf
        self._last: Sighting | None = None
        """Where the same faces were in the last frame."""
        self._glance: Grey | None = None
        """The last frame."""
        self._agreed = 0

    def carry(self, glance: Grey, *, size_wh: tuple[int, int], pts_seconds: float) -> Sighting | None:
        """The faces of the next frame, as far as that can be told; None: look for them.

        Args:
            glance: the frame, see `maskcam.pixels.Pixels.glance`.
            size_wh: of the frame.
            pts_seconds: time of the frame.
        """
        if pts_seconds // AFRESH_SECONDS != self._last_seconds // AFRESH_SECONDS:
            self._begin()
        if self._glance is None or self._glance.shape != glance.shape:
            return None
        passed = pts_seconds - self._looked_seconds
        carried: Sighting | None = None
        if 0 <= passed < self._options.still_seconds and self._nothing_moved(glance):
            carried = self._looked
        elif 0 <= passed < self._options.moving_seconds and self._agreed >= _AGREED:
            carried = self._follow(glance, size_wh=size_wh, pts_seconds=pts_seconds)
        if carried is not None:
            self._last, self._last_seconds, self._glance = carried, pts_seconds, glance
        return carried

    def note(self, glance: Grey, sighting: Sighting, *, pts_seconds: float) -> None:
        """Takes note of what the detector found in a frame."""
        is_same = self._last is not None and _are_same(self._last.faces, sighting.faces)
        self._agreed = self._agreed + 1 if is_same else 0
        self._looked, self._looked_seconds, self._blocks = sighting, pts_seconds, _blocks(glance)
        self._last, self._last_seconds, self._glance = sighting, pts_seconds, glance

    def _nothing_moved(self, glance: Grey) -> bool:
        assert self._blocks is not None
        return bool(cv2.absdiff(_blocks(glance), self._blocks).max() <= _MOVED)

    def _follow(self, glance: Grey, *, size_wh: tuple[int, int], pts_seconds: float) -> Sighting | None:
        assert self._last is not None
        assert self._glance is not None
        if not 0 < pts_seconds - self._last_seconds <= _SLOW_SECONDS:
            return None
        faces = follow_faces(self._glance, glance, self._last.faces, size_wh=size_wh)
        return None if faces is None else replace(self._last, faces=faces)


def _are_same(before: Faces, now: Faces) -> bool:
    """Whether the strong faces are the same ones."""
    old, new = (faces.boxes_xyxy[faces.scores >= _STRONG] for faces in (before, now))
    if len(old) != len(new):
        return False
    if not len(new):
        return True
    low, high = np.maximum(old[:, None, :2], new[:, :2]), np.minimum(old[:, None, 2:], new[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (old, new)]
    union = areas[0][:, None] + areas[1] - common
    is_pair = common >= _SAME * union
    return bool((is_pair.sum(axis=0) == 1).all() and (is_pair.sum(axis=1) == 1).all())


def _blocks(glance: Grey) -> Grey:
    height, width = glance.shape
    size_wh = max(1, width // _BLOCK), max(1, height // _BLOCK)
    return np.asarray(cv2.resize(glance, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
