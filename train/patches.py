"""Labelled faces with some of their surroundings, cut once and kept in memory.

A patch is a square larger than the classifier's crop, so that a sample can be shifted, scaled and turned without
leaving it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskcam.crops import CropSpec, cut_crops
from maskcam.errors import InputError
from maskcam.sources.images import read_image
from maskcam.types import Image, MaskStatus
from train.scenes import Scene

PATCH_MARGIN = 0.6
"""Margin of a patch around the box, in the sense of `maskcam.crops.CropSpec`: its side is 2.2 times the box's."""

_PATCH_SIZE = 192
_CATEGORIES = {1: MaskStatus.MASK, 2: MaskStatus.NO_MASK, 3: MaskStatus.INCORRECT}
_SUFFIXES = {".webp", ".jpg", ".jpeg", ".png", ".bmp"}


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One labelled face.

    Attributes:
        image: (P, P, 3) uint8 BGR.
        box_side: part of the patch's side that the face's box takes, in (0, 1].
        status: the label.
    """

    image: Image
    box_side: float
    status: MaskStatus


def scene_patches(scenes: Iterable[Scene], *, minimum_side: float) -> list[Patch]:
    """Patches of all labelled faces whose shorter side is at least `minimum_side` pixels."""
    spec = CropSpec(size=_PATCH_SIZE, margin=PATCH_MARGIN)
    patches = []
    for scene in scenes:
        boxes, statuses = labelled_faces(scene, minimum_side=minimum_side)
        for image, status in zip(cut_crops(scene.read(), boxes, spec), statuses, strict=True):
            patches.append(Patch(image=image, box_side=1 / (1 + 2 * PATCH_MARGIN), status=status))
    return patches


def labelled_faces(scene: Scene, *, minimum_side: float) -> tuple[NDArray[np.float32], list[MaskStatus]]:
    """Boxes (n, 4) and statuses of a scene's labelled faces of at least `minimum_side` pixels."""
    sides = (scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
    large = sides >= minimum_side
    return scene.boxes_xyxy[large], [_CATEGORIES[int(c)] for c in scene.categories[large]]


def folder_patches(root: Path, classes: dict[str, MaskStatus]) -> list[Patch]:
    """Patches of pictures that are a face already, one folder per class.

    Args:
        root: holds the class folders.
        classes: status of each folder.

    Raises:
        InputError: a folder is missing or empty.
        SourceError: a picture cannot be read.
    """
    patches = []
    for folder, status in classes.items():
        files = folder_pictures(root / folder)
        patches += [Patch(image=read_image(file), box_side=1.0, status=status) for file in files]
    return patches


def folder_pictures(folder: Path) -> Sequence[Path]:
    """All pictures of a folder, by name.

    Raises:
        InputError: there is none.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(f"no pictures in {folder}: expected one folder per class")
    return files
