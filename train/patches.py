"""Labelled faces with some of their surroundings, cut once and kept in memory.

A patch is a square larger than the classifier's crop, so that a sample can be shifted, scaled and turned without
leaving it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from maskcam.crops import CropSpec, cut_crops
from maskcam.types import Image, MaskStatus
from train.faces import Picture

PATCH_MARGIN = 0.6
"""Margin of a patch around the box, in the sense of `maskcam.crops.CropSpec`: its side is 2.2 times the box's."""

_PATCH_SPEC = CropSpec(size=192, margin=PATCH_MARGIN)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One labelled face.

    Attributes:
        image: (P, P, 3) uint8 BGR; where the whole picture is the face, of any shape.
        box_side: part of the patch's side that the face's box takes, in (0, 1].
        status: the label.
    """

    image: Image
    box_side: float
    status: MaskStatus


def make_patches(pictures: Iterable[Picture]) -> list[Patch]:
    """Patches of all labelled faces.

    Raises:
        SourceError: a picture cannot be read.
    """
    patches = []
    for picture in pictures:
        image = picture.read()
        if picture.boxes_xyxy is None:
            patches.append(Patch(image=image, box_side=1.0, status=picture.statuses[0]))
            continue
        cut = cut_crops(image, picture.boxes_xyxy, _PATCH_SPEC)
        patches += [
            Patch(image=crop, box_side=1 / (1 + 2 * PATCH_MARGIN), status=status)
            for crop, status in zip(cut, picture.statuses, strict=True)
        ]
    return patches
