"""Mask classifiers in PyTorch: any architecture that a model card can name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskcam.classifiers.base import Classifier, check_crops
from maskcam.classifiers.verdicts import LARGEST_BATCH, VerdictReader, second_view_edge
from maskcam.crops import CropSpec
from maskcam.devices import describe_torch
from maskcam.networks import CLASSIFIERS
from maskcam.types import Image, Verdict
from maskcam.weights import ModelCard, load_weights


class TorchClassifier(Classifier):
    """Judges crops with a network and the thresholds of its model card.

    Args:
        network: from (n, 3, S, S) to (n, classes) logits.
        card: how to feed the network and to read its outputs.
        device: where to compute.
        twice: judge every crop and then its mirror image, a little closer, and report the mean of both: surer, in
            twice the time.
    """

    def __init__(
        self, network: nn.Module, card: ModelCard, *, device: torch.device, twice: bool = False
    ) -> None:
        if card.crop_margin is None:
            raise ValueError(f"{card.name} is a {card.task}, not a classifier")
        self.crop = CropSpec(size=card.input_size, margin=card.crop_margin)
        self.device = describe_torch(device)
        self._device = device
        self._twice = twice
        self._network = network.eval().to(memory_format=torch.channels_last).to(device)
        self._reader = VerdictReader(card)
        self._reversed = card.channel_order == "RGB"
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (card.mean, card.std)
        )
        self._temperature = card.temperature
        self._bias = torch.tensor(card.class_bias or [0.0] * len(card.classes), device=device)

    @classmethod
    def from_weights(cls, weights: Path, *, device: torch.device, twice: bool = False) -> TorchClassifier:
        """Loads a weights file with its model card.

        Raises:
            WeightsError: the file or its card is missing, damaged, or not a classifier.
        """
        card, network = load_weights(weights, architectures=CLASSIFIERS)
        return cls(network, card, device=device, twice=twice)

    def classify(self, crops: Image) -> list[Verdict]:
        check_crops(crops, self.crop)
        verdicts: list[Verdict] = []
        for start in range(0, len(crops), LARGEST_BATCH):
            verdicts.extend(self._judge(crops[start : start + LARGEST_BATCH]))
        return verdicts

    def _judge(self, crops: Image) -> list[Verdict]:
        with torch.inference_mode():
            # PyTorch warns of arrays that it may not write to, though nothing here writes
            crops = np.require(crops, requirements=["C", "W"])
            pixels = torch.from_numpy(crops).to(self._device)
            inputs = normalise(pixels, self._mean, self._std, reverse=self._reversed)
            probabilities = self._probabilities(inputs)
            if self._twice:
                probabilities = (probabilities + self._probabilities(second_view(inputs))) / 2
            rows = probabilities.cpu().tolist()
        return [self._reader.read(row) for row in rows]

    def _probabilities(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self._network(inputs)
        return (logits / self._temperature + self._bias).softmax(dim=1)


def second_view(inputs: Tensor) -> Tensor:
    """Crops seen once more: mirrored, and as if the face's box were drawn a tenth tighter.

    Errors of a box and of a side are then partly averaged out, at the price of mirroring alone.

    Args:
        inputs: (n, 3, S, S) float32.

    Returns:
        (n, 3, S, S) float32: the middle of each, enlarged to its full size.
    """
    side = inputs.shape[3]
    edge = second_view_edge(side)
    middle = inputs[:, :, edge : side - edge, edge : side - edge]
    return interpolate(middle, size=(side, side), mode="bilinear").flip(3)


def normalise(pixels: Tensor, mean: Tensor, std: Tensor, *, reverse: bool) -> Tensor:
    """Crops to what a network takes.

    Args:
        pixels: (n, S, S, 3) uint8 BGR.
        mean: (1, 3, 1, 1), in 0..255 and in the network's channel order; subtracted.
        std: likewise; divided by.
        reverse: whether the network takes RGB.

    Returns:
        (n, 3, S, S) float32, channels-last in memory.
    """
    pixels = pixels.permute(0, 3, 1, 2)
    if reverse:
        pixels = pixels.flip(1)
    normalised = (pixels.float() - mean) / std
    return normalised.contiguous(memory_format=torch.channels_last)
