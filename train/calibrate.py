"""Makes confidences honest and chooses the decision thresholds, both on the validation set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from maskcam.types import MaskStatus
from train.labelled import LabelledCrops
from train.scores import accuracy

FALSE_INCORRECT = 0.03
"""A worn mask that is called incorrect is what annoys people most: at most this part of them, on val."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How logits become probabilities; see `maskcam.weights.ModelCard`.

    Attributes:
        temperature: logits are divided by it (Guo et al., 2017).
        class_bias: added afterwards, one per class.
    """

    temperature: float
    class_bias: tuple[float, ...]

    def apply(self, logits: Tensor) -> Tensor:
        """(n, classes) logits to (n, classes) probabilities."""
        return (logits / self.temperature + torch.tensor(self.class_bias)).softmax(1)


def calibrate(logits: Tensor, crops: LabelledCrops, classes: Sequence[MaskStatus]) -> Calibration:
    """Chooses temperature and biases.

    The bias of `incorrect` is the greatest that keeps false alarms within `FALSE_INCORRECT`; the temperature is the
    one with the least cross entropy on top of it.

    Args:
        logits: (n, classes) of the validation set.
        crops: its labels.
        classes: of the network.
    """
    bias = [0.0] * len(classes)
    if MaskStatus.INCORRECT in classes:
        column = list(classes).index(MaskStatus.INCORRECT)
        for candidate in np.arange(2.0, -4.0, -0.1):
            bias[column] = round(float(candidate), 1)
            predicted = (logits + torch.tensor(bias)).argmax(1).numpy()
            if accuracy(predicted, crops, classes).get("false_incorrect", 0.0) <= FALSE_INCORRECT:
                break
    labels = torch.tensor([list(classes).index(status) for status in crops.statuses])

    def cross_entropy(temperature: float) -> float:
        return float(F.cross_entropy((logits + torch.tensor(bias)) / temperature, labels))

    best = min(np.geomspace(0.2, 5, 100), key=cross_entropy)
    return Calibration(
        temperature=round(float(best), 3), class_bias=tuple(round(value / float(best), 3) for value in bias)
    )
