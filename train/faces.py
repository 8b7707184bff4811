"""Sets of labelled faces, wherever they come from: scenes, folders of faces, the study's data set."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskcam.errors import InputError
from maskcam.sources.images import read_image
from maskcam.types import Image, MaskStatus
from train.scenes import Scene, read_scenes

Split = Literal["train", "validation", "test"]
Protocol = Literal["paper", "leak_free"]

_CATEGORIES = {1: MaskStatus.MASK, 2: MaskStatus.NO_MASK, 3: MaskStatus.INCORRECT}
_SUFFIXES = {".webp", ".jpg", ".jpeg", ".png", ".bmp"}
_KAGGLE_CLASSES = {"WithMask": MaskStatus.MASK, "WithoutMask": MaskStatus.NO_MASK}
_KAGGLE_FOLDERS: dict[Split, str] = {"train": "Train", "validation": "Validation", "test": "Test"}
_KAGGLE_SHARES: dict[Split, float] = {"test": 0.08, "validation": 0.07, "train": 0.85}  # as in the folders


class FaceSet(BaseModel):
    """Labelled faces: `scenes`, `folder` or `kaggle`, one of the three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenes: Path | None = Field(None, description="COCO file whose boxes are cut out")
    folder: Path | None = Field(
        None, description="one sub-folder of faces per class, as torchvision's ImageFolder"
    )
    kaggle: Path | None = Field(
        None, description="the study's data: Kaggle's \"Face Mask 12k Images\" folder"
    )
    classes: dict[str, MaskStatus] = Field({}, description="status of each sub-folder of `folder`")
    split: Split = Field("train", description="of `kaggle`")
    protocol: Protocol = Field(
        "paper",
        description="of `kaggle`: its folders, whose test pictures have copies in training, or splits anew by the "
        "source photographs named in its groups.csv",
    )
    minimum_side: float = Field(10, ge=0, description="smaller faces of scenes are left out, pixels")

    @model_validator(mode="after")
    def _one_kind(self) -> FaceSet:
        if sum(where is not None for where in (self.scenes, self.folder, self.kaggle)) != 1:
            raise ValueError("data needs one of `scenes`, `folder` and `kaggle`")
        if (self.folder is not None) != bool(self.classes):
            raise ValueError(
                "`folder` needs `classes`, the status of each sub-folder, and nothing else takes them"
            )
        return self

    @property
    def name(self) -> str:
        """Short and without the path to the data, for cards and reports."""
        path = self.scenes or self.folder or self.kaggle
        assert path is not None
        if self.kaggle is not None:
            return f"{path.name} {self.split}, {self.protocol.replace('_', '-')} split"
        return f"{path.parent.name}/{path.stem}"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture and the labelled faces in it.

    Attributes:
        path: of the picture.
        group: pictures of one group show the same photograph and must not be parted by a split.
        source: collection that it comes from.
        boxes_xyxy: (n, 4) float32 pixels; None where the whole picture is one face.
        statuses: n labels, or one.
    """

    path: Path
    group: str
    source: str
    boxes_xyxy: NDArray[np.float32] | None
    statuses: tuple[MaskStatus, ...]

    def read(self) -> Image:
        """The picture, (H, W, 3) uint8 BGR."""
        return read_image(self.path)


def pictures(faces: FaceSet) -> list[Picture]:
    """All pictures of a set, in an order that depends on the files only.

    Raises:
        InputError: a file or folder is missing, empty or not what it should be.
    """
    if faces.scenes is not None:
        return [_of_scene(scene, faces) for scene in read_scenes(faces.scenes)]
    if faces.folder is not None:
        return _of_folders(faces.folder, faces.classes)
    assert faces.kaggle is not None
    if faces.protocol == "paper":
        return _of_folders(faces.kaggle / _KAGGLE_FOLDERS[faces.split], _KAGGLE_CLASSES)
    return _leak_free(faces.kaggle, faces.split)


def _of_scene(scene: Scene, faces: FaceSet) -> Picture:
    sides = (scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
    large = sides >= faces.minimum_side
    return Picture(
        path=scene.path,
        group=scene.path.name,
        source=scene.source or faces.name,
        boxes_xyxy=scene.boxes_xyxy[large],
        statuses=tuple(_CATEGORIES[int(c)] for c in scene.categories[large]),
    )


def _of_folders(root: Path, classes: dict[str, MaskStatus]) -> list[Picture]:
    found = []
    for folder, status in classes.items():
        files = _files(root / folder)
        if not files:
            raise InputError(f"no pictures in {root / folder}: expected one folder of faces per class")
        found += [Picture(file, file.name, root.name, None, (status,)) for file in files]
    return found


def _files(folder: Path) -> Sequence[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in _SUFFIXES)


def _leak_free(root: Path, split: Split) -> list[Picture]:
    """All three folders together, parted by groups."""
    table = root / "groups.csv"
    try:
        with table.open(newline="") as file:
            rows = [(row["file"], row["group"]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise InputError(
            f"the leak-free protocol needs {table} with the columns file and group: {error}"
        ) from error
    return [
        Picture(root / file, group, root.name, None, (_KAGGLE_CLASSES[Path(file).parent.name],))
        for file, group in sorted(rows)
        if split_of_group(group) == split
    ]


def split_of_group(group: str) -> Split:
    """The same split for a group on every machine, drawn with the sizes of the official folders."""
    position = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32
    for split, share in _KAGGLE_SHARES.items():
        if position < share:
            return split
        position -= share
    return "train"
