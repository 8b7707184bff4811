"""How large the faces of data sets are, and of which class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from train.faces import FaceSet, Picture, pictures
from train.judged import STATUSES, Judged


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Faces of one data set.

    Attributes:
        sides_px: (n,) float32, shorter side of each face in its picture.
        counts: faces of each status, by its name.
    """

    sides_px: NDArray[np.float32]
    counts: dict[str, int]


def of_face_set(faces: FaceSet) -> Distribution:
    """Reads boxes of scenes, and only the headers of pictures that are a face.

    Raises:
        InputError: the data are not there.
        OSError: a picture cannot be read.
    """
    chosen = pictures(faces)
    sides = [side for picture in chosen for side in _sides(picture)]
    return Distribution(
        np.array(sides, np.float32),
        _counts(status.value for picture in chosen for status in picture.statuses),
    )


def of_judged(judged: Judged) -> Distribution:
    """From the labels of an evaluation."""
    return Distribution(judged.sides_px, _counts(STATUSES[number].value for number in judged.true))


def _sides(picture: Picture) -> Sequence[float]:
    boxes = picture.boxes_xyxy
    if boxes is not None:
        sides: list[float] = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf).tolist()
        return sides
    with PillowImage.open(picture.path) as image:  # OpenCV would decode it all
        return [min(image.size)]


def _counts(names: Iterable[str]) -> dict[str, int]:
    counted = Counter(names)
    return {status.value: counted[status.value] for status in STATUSES if counted[status.value]}
