"""Looks at every picture several times, at several sizes and mirrored: more faces and better boxes, in more time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskcam.detectors.base import Detector
from maskcam.detectors.boxes import suppress
from maskcam.detectors.tidy import tidy_faces
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image

_NMS_IOU = 0.45  # as YuNet's own
_VOTE_IOU = 0.6  # boxes this alike are of the same face; chosen on scenes/val
_LEFT_RIGHT = [1, 0, 2, 4, 3]  # order of the landmarks in a mirrored picture


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a picture.

    Attributes:
        detector: with its size; kept open by who made it. Its minimum score should lie well below the final one.
        mirrored: whether it is shown the picture mirrored.
    """

    detector: Detector
    mirrored: bool = False


class ThoroughDetector(Detector):
    """Merges what several looks find.

    A face's box and landmarks are the mean over all looks that found it, weighted by score; its score is the mean
    over all looks, those that did not find it counting as 0. A look that has several boxes for a face gives its best.

    Args:
        looks: at least one; all must give landmarks, or none.
        minimum_score: faces below it are dropped.
    """

    def __init__(self, looks: Sequence[Look], *, minimum_score: float) -> None:
        if not looks:
            raise ValueError("looks must hold at least one look")
        self._looks = tuple(looks)
        self._minimum_score = minimum_score
        self.device = looks[0].detector.device

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        pictures = [as_pixels(image) for image in images]
        seen = [_see(look, pictures) for look in self._looks]
        return [
            self._merge(faces, size_wh=picture.size_wh)
            for picture, *faces in zip(pictures, *seen, strict=True)
        ]

    def _merge(self, looks: Sequence[Faces], *, size_wh: tuple[int, int]) -> Faces:
        boxes = np.concatenate([faces.boxes_xyxy for faces in looks])
        scores = np.concatenate([faces.scores for faces in looks])
        _, alike = suppress(boxes, scores, iou=_NMS_IOU)
        votes = _best_of_each((alike >= _VOTE_IOU) * scores, [len(faces) for faces in looks])
        totals = votes.sum(axis=1)
        means = (totals / len(looks)).clip(max=1)
        sure = means >= self._minimum_score
        share = votes[sure] / np.maximum(totals[sure], 1e-9)[:, None]
        landmarks = None
        if all(faces.landmarks is not None for faces in looks):
            points = np.concatenate([faces.landmarks for faces in looks if faces.landmarks is not None])
            landmarks = np.tensordot(share, points, axes=1)
        return tidy_faces(share @ boxes, means[sure], landmarks, size_wh=size_wh)

    def close(self) -> None:
        for look in self._looks:
            look.detector.close()


def _best_of_each(votes: NDArray[np.float32], counts: list[int]) -> NDArray[np.float32]:
    """The (k, n) votes with only the best of each look left; `counts` says how many of the n boxes each look has."""
    best = votes.copy()
    for part in np.split(best, np.cumsum(counts)[:-1], axis=1):
        part *= part == part.max(axis=1, keepdims=True, initial=0)
    return best


def _see(look: Look, pictures: Sequence[Pixels]) -> list[Faces]:
    if not look.mirrored:
        return look.detector.detect(pictures)
    found = look.detector.detect([np.ascontiguousarray(picture.whole()[:, ::-1]) for picture in pictures])
    return [
        _unmirror(faces, width=picture.size_wh[0]) for faces, picture in zip(found, pictures, strict=True)
    ]


def _unmirror(faces: Faces, *, width: int) -> Faces:
    boxes = faces.boxes_xyxy[:, [2, 1, 0, 3]]
    boxes[:, [0, 2]] = width - boxes[:, [0, 2]]
    landmarks = faces.landmarks
    if landmarks is not None:
        landmarks = landmarks[:, _LEFT_RIGHT]
        landmarks[..., 0] = width - landmarks[..., 0]
    return Faces(boxes_xyxy=boxes, scores=faces.scores, landmarks=landmarks)
