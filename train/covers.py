"""Draws on faces what hides part of them and is no mask: see `train.shapes`.

Masks are most of what covers a mouth in the pictures at hand; these teach that not all is a mask that does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from maskcam.detectors.base import Detector
from maskcam.types import Image, MaskStatus
from train.masks import FaceAxes, lay_over, light_on, patch_axes
from train.patches import Patch
from train.shapes import Canvas, Cover, beard, cup, hand, microphone, scarf

KINDS: dict[MaskStatus, tuple[Callable[[Canvas], Cover], ...]] = {
    MaskStatus.NO_MASK: (hand, hand, beard, scarf, cup, microphone),
    MaskStatus.MASK: (hand, scarf, microphone),
}
"""What may be in front of a face without its status changing."""


def draw_cover(image: Image, axes: FaceAxes, kind: Callable[[Canvas], Cover]) -> Image:
    """Draws one thing of a kind, of random place, size and colour.

    Args:
        image: (H, W, 3) uint8 BGR; left unchanged.
        axes: of the face.
        kind: one of `KINDS`.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    across, down = axes.coordinates(image.shape[0], image.shape[1])
    unit = float(np.linalg.norm(axes.down))
    light, level = light_on(image, (abs(across) < 1.5) & (down > 0.2) & (down < 1.8), unit=unit)
    light = light * np.float32(0.35 + 0.65 * min(1.2, level / 140))
    bare = (abs(across) < 1) & (down > -0.5) & (down < 0.25)
    pixels = (image / light)[bare] if bare.any() else (image / light).reshape(-1, 3)
    blue, green, red = (float(value) for value in np.median(pixels, axis=0))
    cover = kind(Canvas(np.float32(0.5) * across, down, (blue, green, red)))
    return lay_over(image, cover.alpha, cover.paint * light, unit=unit)


def covered_patches(patches: Iterable[Patch], detector: Detector) -> Iterator[Patch]:
    """Yields faces with something in front of them, their status unchanged.

    Args:
        patches: with or without a mask worn right; those without clear landmarks are left out.
        detector: gives landmarks.
    """
    for patch in patches:
        axes = patch_axes(patch, detector)
        if axes is not None:
            covered = draw_cover(patch.image, axes, random.choice(KINDS[patch.status]))
            yield Patch(covered, patch.box_side, patch.status)
