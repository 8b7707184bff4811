"""Makes faces unrecognisable before a picture gets anywhere: the pipeline hands over no other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.pixels import ArrayPixels
from maskcam.types import Frame, Image, Track

Blur = Literal["all", "compliant", "none"]
"""Whose faces are made unrecognisable: everybody's, those of all who do not break the rule at this moment, nobody's."""

_BLOCKS = 8
"""Across a face: what is left of it are so few values, blurred into each other, that nobody can be told from them."""
_GROWN = 0.2
_LINGER_SECONDS = 0.5


def hide_faces(image: Image, boxes_xyxy: NDArray[np.float32]) -> Image:
    """A copy with faces pixelated to 8 blocks across, which are then blurred into each other.

    Args:
        image: (H, W, 3) uint8, BGR.
        boxes_xyxy: (n, 4), pixels; may lie partly or wholly outside. A fifth of their size is hidden around them, too.
    """
    hidden = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in boxes_xyxy.tolist():
        across, down = x2 - x1, y2 - y1
        left, right = (min(max(x, 0), width) for x in (x1 - _GROWN * across, x2 + _GROWN * across))
        top, bottom = (min(max(y, 0), height) for y in (y1 - _GROWN * down, y2 + _GROWN * down))
        part = hidden[math.floor(top) : math.ceil(bottom), math.floor(left) : math.ceil(right)]
        if part.size == 0:
            continue
        # of the whole face, also where only a part of it is in the picture
        block = max(across, down, 1.0) / _BLOCKS
        size_wh = part.shape[1], part.shape[0]
        blocks_wh = tuple(max(1, round(side / block)) for side in size_wh)
        step = max(
            1, int(block / _BLOCKS)
        )  # 64 dots a block will do: a large face costs no more than a small one
        blocks = cv2.resize(part[::step, ::step], blocks_wh, interpolation=cv2.INTER_AREA)
        part[:] = cv2.resize(cv2.GaussianBlur(blocks, (3, 3), 0), size_wh, interpolation=cv2.INTER_LINEAR)
    return hidden


@dataclass(frozen=True, slots=True, eq=False)
class _Hidden:
    """A face made unrecognisable; `track_id` is 0 for one that is nobody's yet."""

    box_xyxy: NDArray[np.float32]
    track_id: int
    seen_seconds: float


class FaceHider:
    """Hides the faces of one camera, frame by frame.

    A face stays hidden for a while where it was last found, so that one missed detection does not show it.

    Args:
        blur: whose faces.
        linger_seconds: for how long, by the source's clock, but at least in the frame that follows; 0 for pictures
            that have nothing to do with each other.
    """

    def __init__(self, blur: Blur = "none", *, linger_seconds: float = _LINGER_SECONDS) -> None:
        self.blur = blur
        self._linger_seconds = linger_seconds
        self._hidden: list[_Hidden] = []
        self._previous_seconds = -math.inf

    def hide(self, frame: Frame, *, found_xyxy: NDArray[np.float32], tracks: Sequence[Track]) -> Frame:
        """The frame with these faces hidden, and without what its camera encoded; the same one where nothing is to be.

        Args:
            frame: not changed.
            found_xyxy: (n, 4) float32 pixels, all that may be faces, also those that are too weak, new or small to be
                somebody's track.
            tracks: of this frame.
        """
        if self.blur == "none":
            return frame
        now = frame.pts_seconds
        owners: dict[bytes, Track] = {track.box_xyxy.tobytes(): track for track in tracks}
        boxes = {box.tobytes(): box for box in (*found_xyxy, *(track.box_xyxy for track in tracks))}
        hidden = []
        for key, box in boxes.items():
            owner = owners.get(key)
            if owner is None or not self._stays_recognisable(owner):
                hidden.append(_Hidden(box, owner.track_id if owner else 0, now))
        present = {track.track_id for track in tracks}
        hidden += [
            old
            for old in self._hidden
            if self._lingers(old, now)
            and old.track_id not in present
            and not (old.track_id == 0 and any(_overlap(old.box_xyxy, box) for box in boxes.values()))
        ]
        self._hidden, self._previous_seconds = hidden, now
        # what the camera encoded shows every face, and goes together, frames without any face included
        frame = replace(frame, encoded=None)
        if not hidden:
            return frame
        image = hide_faces(frame.image, np.stack([face.box_xyxy for face in hidden]))
        return replace(frame, pixels=ArrayPixels(image))

    def _stays_recognisable(self, track: Track) -> bool:
        return self.blur == "compliant" and track.status.is_violation and track.is_required

    def _lingers(self, old: _Hidden, now: float) -> bool:
        if self._linger_seconds == 0 or old.seen_seconds > now:
            return False
        return now - old.seen_seconds <= self._linger_seconds or old.seen_seconds == self._previous_seconds


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Whether the middle of one box lies in the other: the same face, a moment later."""
    middle = (a[:2] + a[2:]) / 2
    return bool((b[:2] <= middle).all() and (middle <= b[2:]).all())
