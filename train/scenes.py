"""Photographs with boxed faces, as COCO JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskcam.errors import InputError
from maskcam.sources.images import read_image
from maskcam.types import Image


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One photograph and the faces in it.

    Attributes:
        image_id: of the COCO file.
        path: of the picture.
        source: collection it comes from, or an empty text.
        boxes_xyxy: (n, 4) float32 pixels.
        categories: (n,) int64, COCO category of each face.
        ignored_xyxy: (m, 4) float32 pixels: faces that are real but were not labelled (`iscrowd`).
    """

    image_id: int
    path: Path
    source: str
    boxes_xyxy: NDArray[np.float32]
    categories: NDArray[np.int64]
    ignored_xyxy: NDArray[np.float32]

    def read(self) -> Image:
        """The picture, (H, W, 3) uint8 BGR."""
        return read_image(self.path)


def read_scenes(annotations: Path) -> list[Scene]:
    """Reads a COCO file; pictures are named relative to it.

    Raises:
        InputError: the file is missing or not COCO.
    """
    try:
        coco = json.loads(annotations.read_bytes())
        images, faces = coco["images"], coco["annotations"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{annotations} is not a COCO annotation file: {error}") from error
    labelled: dict[int, list[tuple[list[float], int]]] = defaultdict(list)
    ignored: dict[int, set[tuple[float, ...]]] = defaultdict(set)  # such boxes stand there once per category
    for face in faces:
        if face.get("iscrowd"):
            ignored[face["image_id"]].add(tuple(face["bbox"]))
        else:
            labelled[face["image_id"]].append((face["bbox"], face["category_id"]))
    return [
        Scene(
            image_id=image["id"],
            path=annotations.parent / image["file_name"],
            source=image.get("source", ""),
            boxes_xyxy=_xyxy([box for box, _ in labelled[image["id"]]]),
            categories=np.array([category for _, category in labelled[image["id"]]], np.int64),
            ignored_xyxy=_xyxy(sorted(ignored[image["id"]])),
        )
        for image in images
    ]


def _xyxy(boxes_xywh: list[list[float]] | list[tuple[float, ...]]) -> NDArray[np.float32]:
    boxes = np.array(boxes_xywh, np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes
