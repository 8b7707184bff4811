"""Hand-craft CNN1 of the study: three convolutions and three dense layers, all with batch norm."""

from __future__ import annotations

import itertools
from typing import cast

from torch import Tensor, nn

_CHANNELS = (32, 64, 128)
_DENSE = (64, 64, 64)
_DROPOUT = 0.2  # after the first block
_MOMENTUM = 0.10  # of the batch norms, as PyTorch counts it; Keras counts the other way: 0.90


class Cnn1(nn.Module):
    """The network at any input size; the study's is 224.

    The study gives the layers of the blocks and 6.5 M parameters in all. Convolutions padded to keep the size leave
    28 x 28 x 128 features at 224 px, and then a first dense layer of 64 makes 6.53 M (without padding it would be
    5.65 M). The widths of the other two hardly show in the sum: 64 as well.

    Args:
        classes: number of outputs (logits).
        input_size: side of the crops in pixels, at least 8.

    Raises:
        ValueError: the crops are too small.
    """

    def __init__(self, *, classes: int, input_size: int) -> None:
        super().__init__()
        side = input_size // 2 ** len(_CHANNELS)
        if side < 1:
            raise ValueError(
                f"cnn1 needs an input_size of at least {2 ** len(_CHANNELS)} px, got {input_size}"
            )
        first, second, third = _CHANNELS
        self.features = nn.Sequential(
            _block(3, first), nn.Dropout(_DROPOUT), _block(first, second), _block(second, third)
        )
        widths = (third * side * side, *_DENSE)
        self.classifier = nn.Sequential(
            *(_dense(*pair) for pair in itertools.pairwise(widths)),
            nn.Linear(widths[-1], classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, S, S) float, RGB, normalised, to (n, classes) logits."""
        return cast("Tensor", self.classifier(self.features(x).flatten(1)))


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(out_channels, momentum=_MOMENTUM),
        nn.MaxPool2d(2),
    )


def _dense(in_features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_features, out_features),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(out_features, momentum=_MOMENTUM),
    )
