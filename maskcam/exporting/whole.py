"""A network with all that comes before it, as it is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.types import Image
from maskcam.weights import ModelCard, load_weights

OUTPUTS = {"classifier": ("logits",), "detector": ("face", "objectness", "boxes", "landmarks")}
"""Names of a network's outputs, by the task of its card."""


class WholeNetwork(nn.Module):
    """A network that takes pictures as they are.

    Args:
        network: takes normalised (b, 3, h, w) float32.
        card: says how to normalise.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.order = [2, 1, 0] if card.channel_order == "RGB" else [0, 1, 2]
        self.normalises = any(card.mean) or set(card.std) != {1.0}
        for name, values in (("mean", card.mean), ("std", card.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Runs the network.

        Args:
            images: (b, h, w, 3) uint8 BGR.

        Returns:
            Logits (b, classes) of a classifier, `maskcam.networks.yunet.Predictions` of a detector.
        """
        pixels = images.permute(0, 3, 1, 2).float()
        if self.order != [0, 1, 2]:
            pixels = pixels[:, self.order]
        if self.normalises:
            pixels = (pixels - self.mean) / self.std
        outputs = self.network(pixels)
        return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def load_whole(weights: Path) -> tuple[ModelCard, WholeNetwork]:
    """Loads a `.safetensors` file with its card; see `load_weights` for errors."""
    card, network = load_weights(weights, architectures=CLASSIFIERS + DETECTORS)
    return card, WholeNetwork(network, card).eval()


def example_images(card: ModelCard, *, seed: int = 0) -> list[Image]:
    """Batches that a network takes, of several sizes where it takes several: smooth, and of all brightnesses.

    Each is (b, h, w, 3) uint8.
    """
    rng = np.random.default_rng(seed)
    side = card.input_size
    shapes = (
        [(3, side, side), (1, side, side)] if card.task == "classifier" else [(1, 192, 320), (2, 160, 96)]
    )
    return [np.stack([_smooth(rng, h, w) for _ in range(count)]) for count, h, w in shapes]


def traced_images(card: ModelCard) -> Tensor:
    """The batch that an exporter runs a network on: (b, h, w, 3) uint8."""
    return torch.from_numpy(example_images(card)[-1]).repeat(2, 1, 1, 1)


def dynamic_sizes(card: ModelCard) -> dict[int, Any]:
    """The axes of the input that may have any length, for `torch.export`."""
    if card.task == "classifier":
        return {0: Dim("batch")}
    return {0: Dim("batch"), 1: 32 * Dim("rows"), 2: 32 * Dim("columns")}


def _smooth(rng: np.random.Generator, height: int, width: int) -> Image:
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
