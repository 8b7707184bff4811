"""Hand-craft CNN2 of the study: four blocks of two convolutions and three dense layers, without batch norm."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

_SMALLEST = 22  # px: the least that leaves one pixel after the last pool


class Cnn2(nn.Module):
    """The network at any input size; the study's is 256.

    The study's table says 19.4 M parameters. The 7x7 convolution without padding and the 3x3 ones with it leave
    15 x 15 x 512 features at 256 px, which makes 19.45 M; with padding everywhere it would be 16 x 16 x 512 and
    21.48 M. The reading that meets the table is taken.

    Args:
        classes: number of outputs (logits).
        input_size: side of the crops in pixels, at least 22.

    Raises:
        ValueError: the crops are too small.
    """

    def __init__(self, *, classes: int, input_size: int) -> None:
        super().__init__()
        if input_size < _SMALLEST:
            raise ValueError(f"cnn2 needs an input_size of at least {_SMALLEST} px, got {input_size}")
        self.features = nn.Sequential(
            *_convolution(3, 64, kernel=7, padding=0), *_convolution(64, 64), nn.MaxPool2d(2),
            *_convolution(64, 128), *_convolution(128, 128), nn.MaxPool2d(2),
            *_convolution(128, 256), *_convolution(256, 256), nn.MaxPool2d(2),
            *_convolution(256, 512), *_convolution(512, 512), nn.MaxPool2d(2),
        )  # fmt: skip
        side = (input_size - 6) // 16
        self.classifier = nn.Sequential(
            nn.Linear(512 * side * side, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 64),
            nn.ReLU(inplace=True),
            nn.Linear(64, classes),
        )
        # drawn as He et al. (2015) do: with PyTorch's own, signals fade in ten layers without batch norm
        for module in (*self.features, *self.classifier[:-1]):
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, S, S) float, RGB, normalised, to (n, classes) logits."""
        return cast("Tensor", self.classifier(self.features(x).flatten(1)))


def _convolution(
    in_channels: int, out_channels: int, *, kernel: int = 3, padding: int = 1
) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(in_channels, out_channels, kernel, padding=padding), nn.ReLU(inplace=True)
