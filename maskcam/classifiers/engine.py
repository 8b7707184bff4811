"""Mask classifiers without PyTorch: any exported network behind any engine."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.classifiers.base import Classifier, check_crops
from maskcam.classifiers.verdicts import LARGEST_BATCH, VerdictReader, second_view_edge
from maskcam.crops import CropSpec
from maskcam.engines.base import Engine
from maskcam.types import Image, Verdict
from maskcam.weights import ModelCard


class EngineClassifier(Classifier):
    """Judges crops with a network that an engine runs, and the thresholds of its model card.

    Args:
        engine: the network; closed with the classifier. From (n, S, S, 3) uint8 BGR to (n, classes) logits.
        card: how to read its outputs.
        twice: judge every crop and then its mirror image, a little closer, and report the mean of both: surer, in
            twice the time.
    """

    def __init__(self, engine: Engine, card: ModelCard, *, twice: bool = False) -> None:
        if card.crop_margin is None:
            raise ValueError(f"{card.name} is a {card.task}, not a classifier")
        self.crop = CropSpec(size=card.input_size, margin=card.crop_margin)
        self.device = engine.device
        self._engine = engine
        self._twice = twice
        self._reader = VerdictReader(card)
        self._temperature = card.temperature
        self._bias = np.array(card.class_bias or [0.0] * len(card.classes), np.float32)

    def classify(self, crops: Image) -> list[Verdict]:
        check_crops(crops, self.crop)
        verdicts: list[Verdict] = []
        for start in range(0, len(crops), LARGEST_BATCH):
            batch = np.ascontiguousarray(crops[start : start + LARGEST_BATCH])
            probabilities = self._probabilities(batch)
            if self._twice:
                probabilities += self._probabilities(second_view(batch))
                probabilities /= 2
            verdicts.extend(self._reader.read(row) for row in probabilities.tolist())
        return verdicts

    def close(self) -> None:
        self._engine.close()

    def _probabilities(self, crops: Image) -> NDArray[np.float32]:
        (logits,) = self._engine.run(crops)
        scaled = logits / self._temperature + self._bias
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def second_view(crops: Image) -> Image:
    """Crops seen once more: mirrored, and as if the face's box were drawn a tenth tighter.

    Errors of a box and of a side are then partly averaged out, at the price of mirroring alone.

    Args:
        crops: (n, S, S, 3) uint8.

    Returns:
        (n, S, S, 3) uint8: the middle of each, enlarged to its full size.
    """
    side = crops.shape[1]
    edge = second_view_edge(side)
    seen = np.empty_like(crops)
    for crop, view in zip(crops, seen, strict=True):
        middle = np.ascontiguousarray(crop[edge : side - edge, edge : side - edge][:, ::-1])
        cv2.resize(middle, (side, side), dst=view, interpolation=cv2.INTER_LINEAR)
    return seen
