"""Work that need not be done: looking for faces while nothing moves, and judging again what is known for certain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.types import MaskStatus, Verdict

_SKETCH = 8
"""Cells across the sketch of a face."""
_CHANGED = 10.0
"""Grey levels, the mean over a sketch's lower half, by which a face has changed: a turn of the head makes 15, a mask
that goes on 40, a box that trembles 4; measured on samples/demo.mp4."""
_SURE = 0.9
"""Share of the votes, and probability, from which on a status is certain."""
_FIRST = 5
"""Judgements of every newcomer, one after another."""


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config reads the defaults off the class
class EconomyOptions:
    """What is left out.

    Attributes:
        still_seconds: while nothing moves, faces are looked for again after so long; 0: in every frame.
        moving_seconds: while the same faces move on, they are looked for again after so long, and followed from frame
            to frame until then; 0: in every frame.
        certain_seconds: a face of which one is certain and that looks as before is judged again after so long; 0: in
            every frame.
    """

    still_seconds: float = 0.5
    moving_seconds: float = 0.15
    certain_seconds: float = 0.2


NOTHING_LEFT_OUT = EconomyOptions(still_seconds=0.0, moving_seconds=0.0, certain_seconds=0.0)
"""Every face in every frame."""


@dataclass(slots=True)
class Judgement:
    """What a person was last judged to be, and how the face looked then."""

    verdict: Verdict
    seconds: float
    sketch: NDArray[np.uint8]
    count: int = 1

    def holds(
        self,
        sketch: NDArray[np.uint8],
        *,
        pts_seconds: float,
        status: MaskStatus,
        share: float,
        options: EconomyOptions,
    ) -> bool:
        """Whether judging the face again would bring nothing new.

        Args:
            sketch: of the face in the present frame.
            pts_seconds: time of that frame.
            status: the steady one.
            share: of the votes for it.
            options: see there.
        """
        return (
            0 <= pts_seconds - self.seconds < options.certain_seconds
            and self.count >= _FIRST
            and self.verdict.status is status
            and min(share, self.verdict.confidence) >= _SURE
            and float(cv2.absdiff(sketch, self.sketch)[_SKETCH // 2 :].mean()) < _CHANGED
        )


def sketch_face(
    glance: NDArray[np.uint8], box_xyxy: NDArray[np.float32], *, size_wh: tuple[int, int]
) -> NDArray[np.uint8]:
    """A face in a few grey cells, to tell whether it looks as before.

    Args:
        glance: of the frame, (h, w) uint8.
        box_xyxy: (4,) float32, pixels of the frame.
        size_wh: of the frame.

    Returns:
        (8, 8) uint8.
    """
    height, width = glance.shape
    x1, y1, x2, y2 = (box_xyxy * (np.array([width, height] * 2) / np.array([*size_wh] * 2))).tolist()
    left, right = (min(max(0, round(x)), width) for x in (x1, x2))
    top, bottom = (min(max(0, round(y)), height) for y in (y1, y2))
    part = glance[top : max(bottom, top + 1), left : max(right, left + 1)]
    if part.size == 0:
        return np.zeros((_SKETCH, _SKETCH), np.uint8)
    return np.asarray(cv2.resize(part, (_SKETCH, _SKETCH), interpolation=cv2.INTER_AREA), np.uint8)
