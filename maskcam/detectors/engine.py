"""YuNet, fine-tuned so that masked faces are found, without PyTorch: the default detector on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskcam.detectors.base import Detector
from maskcam.detectors.grid import read_faces
from maskcam.detectors.letterbox import STRIDE, input_shape, letterbox
from maskcam.detectors.tidy import tidy_faces
from maskcam.engines.base import Engine
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image


class EngineDetector(Detector):
    """Finds faces with a YuNet that an engine runs, one picture after another.

    In fours each takes three times as long: what passes between the layers no longer fits into the cache.

    Args:
        engine: the network; closed with the detector. Takes (1, h, w, 3) uint8 BGR.
        size: longest side in pixels that images are resized to before detection. Smaller is faster (time grows with
            the square); faces under about 8 pixels at this size are missed.
        minimum_score: faces below it are dropped; 0.05 keeps all that average precision needs, 0.5 is for people.
    """

    def __init__(self, engine: Engine, *, size: int, minimum_score: float) -> None:
        if size < STRIDE:
            raise ValueError(f"size must be at least {STRIDE} pixels, got {size}")
        self.device = engine.device
        self._engine = engine
        self._size = size
        self._minimum_score = minimum_score

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        pictures = [as_pixels(image) for image in images]  # all are checked before the first is looked at
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Pixels) -> Faces:
        shape = input_shape(picture.size_wh, size=self._size)
        batch, (scale,) = letterbox([picture], size=self._size, shape=shape)
        face, objectness, offsets, points = (output[0] for output in self._engine.run(batch))
        boxes, scores, landmarks = read_faces(
            (face, objectness, offsets, points), shape, minimum_score=self._minimum_score
        )
        return tidy_faces(
            (boxes / scale).astype(np.float32),
            scores,
            (landmarks / scale).astype(np.float32),
            size_wh=picture.size_wh,
        )

    def close(self) -> None:
        self._engine.close()
