"""Detectors that find what they are told to: for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from maskcam.detectors.base import Detector, JudgingDetector
from maskcam.detectors.tidy import tidy_faces
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image, Sighting, Verdict


class FixedDetector(Detector):
    """Gives out prepared faces, one `Faces` per image, whatever the image shows.

    Like a real detector it keeps boxes inside the image and puts the best score first.

    Args:
        faces: one per image, over all calls and from the start again after the last; or a function of the
            0-based number of the image.

    Attributes:
        seen_shapes: shape of every image it was given, in order.
        batch_sizes: number of images of every call, in order.
    """

    def __init__(self, faces: Sequence[Faces] | Callable[[int], Faces]) -> None:
        if not callable(faces) and not faces:
            raise ValueError(
                "faces must hold at least one entry, got none: use [Faces.none()] to find nobody"
            )
        self._faces = faces
        self.seen_shapes: list[tuple[int, ...]] = []
        self.batch_sizes: list[int] = []

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        """Hands out the next prepared faces; see `Detector.detect`."""
        pictures = [as_pixels(image) for image in images]
        self.batch_sizes.append(len(images))
        return [self._next(picture) for picture in pictures]

    def _next(self, picture: Pixels) -> Faces:
        number = len(self.seen_shapes)
        width, height = picture.size_wh
        self.seen_shapes.append((height, width, 3))
        faces = self._faces(number) if callable(self._faces) else self._faces[number % len(self._faces)]
        return tidy_faces(faces.boxes_xyxy, faces.scores, faces.landmarks, size_wh=(width, height))


class FixedJudgingDetector(FixedDetector, JudgingDetector):
    """Judges the prepared faces as a function says.

    Args:
        faces: see `FixedDetector`.
        judge: from a picture and one box in it, (4,) float32 pixels, to a verdict.
    """

    def __init__(
        self,
        faces: Sequence[Faces] | Callable[[int], Faces],
        *,
        judge: Callable[[Pixels, NDArray[np.float32]], Verdict],
    ) -> None:
        super().__init__(faces)
        self._judge = judge

    def detect_and_judge(self, images: Sequence[Image | Pixels]) -> list[Sighting]:
        """Hands out the next prepared faces with their verdicts; see `JudgingDetector.detect_and_judge`."""
        return [
            Sighting(faces, tuple(self._judge(as_pixels(image), box) for box in faces.boxes_xyxy))
            for image, faces in zip(images, self.detect(images), strict=True)
        ]
