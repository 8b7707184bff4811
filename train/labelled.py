"""Labelled faces cut as the runtime cuts them: what a classifier is measured on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.crops import CropSpec, cut_crops
from maskcam.types import Image, MaskStatus
from train.faces import Picture


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCrops:
    """Crops as the runtime cuts them.

    Attributes:
        images: (n, S, S, 3) uint8 BGR.
        statuses: n labels.
        sides: (n,) float32, shorter side of each face in pixels of its picture.
        sources: n names of the collections that they come from.
        names: n texts that say which face it is: the picture's name, and a number where it has several.
    """

    images: Image
    statuses: tuple[MaskStatus, ...]
    sides: NDArray[np.float32]
    sources: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.statuses)


def joined(parts: Sequence[LabelledCrops]) -> LabelledCrops:
    """All crops of several sets, one after another."""
    return LabelledCrops(
        np.concatenate([part.images for part in parts]),
        tuple(status for part in parts for status in part.statuses),
        np.concatenate([part.sides for part in parts]),
        tuple(source for part in parts for source in part.sources),
        tuple(name for part in parts for name in part.names),
    )


def labelled_crops(pictures: Iterable[Picture], spec: CropSpec) -> LabelledCrops:
    """Crops of all labelled faces; a picture that is a face already is resized to a whole crop.

    Raises:
        SourceError: a picture cannot be read.
    """
    images: list[Image] = [np.zeros((0, spec.size, spec.size, 3), np.uint8)]
    statuses: list[MaskStatus] = []
    sides: list[float] = []
    sources: list[str] = []
    names: list[str] = []
    for picture in pictures:
        image = picture.read()
        boxes = picture.boxes_xyxy
        if boxes is None:
            images.append(_whole(image, spec)[None])
            sides.append(min(image.shape[:2]))
            names.append(f"{picture.path.parent.name}/{picture.path.name}")
        else:
            images.append(cut_crops(image, boxes, spec))
            sides += (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf).tolist()
            names += [f"{picture.path.name}#{i}" for i in range(len(boxes))]
        statuses += picture.statuses
        sources += [picture.source] * len(picture.statuses)
    return LabelledCrops(
        np.concatenate(images), tuple(statuses), np.array(sides, np.float32), tuple(sources), tuple(names)
    )


def _whole(image: Image, spec: CropSpec) -> Image:
    interpolation = cv2.INTER_AREA if min(image.shape[:2]) > spec.size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (spec.size, spec.size), interpolation=interpolation), np.uint8)
