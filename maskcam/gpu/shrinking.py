"""Resizing as two matrix products: exact for any ratio, and what a GPU does best."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskcam.detectors.letterbox import input_shape
from maskcam.gpu.upload import Batch

Floats = NDArray[np.float32]

_MOST_SIZES = 64
"""Of pictures whose weights are kept: cameras have a few, a folder of photographs may have thousands."""


class Letterbox:
    """Pictures on the device to the input of a detector's network, as `maskcam.detectors.letterbox` makes it.

    Equal for BGR pictures. swscale, which shrinks 4:2:0 ones on the CPU, gives every two pixels beside each other one
    colour and rounds green down: 1 to 2 levels in the mean, more at coloured edges.

    Args:
        size: longest side after resizing, pixels.
        device: where the pictures lie.
        dtype: of the network.
    """

    def __init__(self, *, size: int, device: torch.device, dtype: torch.dtype) -> None:
        self._size = size
        self._device = device
        self._dtype = dtype
        self._known: dict[tuple[tuple[int, int], bool], tuple[Tensor, Tensor]] = {}

    def scale_of(self, size_wh: tuple[int, int]) -> float:
        """Input pixels per pixel of a picture."""
        return self._size / max(size_wh)

    def __call__(self, batch: Batch) -> Tensor:
        """Resizes and pads.

        Args:
            batch: of b pictures.

        Returns:
            (b, 3, h, w) of the network's type, in 0..255 and channels-last; see `input_shape`.
        """
        key = batch.size_wh, batch.is_planar
        if key not in self._known:
            if len(self._known) >= _MOST_SIZES:
                self._known.clear()
            self._known[key] = self._weights(*key)
        rows, columns = self._known[key]
        inputs = rows @ batch.bgr.to(self._dtype) @ columns
        return inputs.contiguous(memory_format=torch.channels_last)

    def _weights(self, size_wh: tuple[int, int], is_planar: bool) -> tuple[Tensor, Tensor]:
        target_wh = [max(1, round(side * self.scale_of(size_wh))) for side in size_wh]
        # as `Pixels.scaled` does it, for each kind of picture
        shrinks = max(target_wh) < max(size_wh) * (1.0 if is_planar else 0.5)
        weights = area_weights if shrinks else linear_weights
        canvas = input_shape(size_wh, size=self._size)
        columns, rows = (
            np.pad(weights(source, target), ((0, side - target), (0, 0)))  # black after the picture's end
            for source, target, side in zip(size_wh, target_wh, reversed(canvas), strict=True)
        )
        return (
            torch.from_numpy(rows).to(self._device, self._dtype),
            torch.from_numpy(columns.T.copy()).to(self._device, self._dtype),
        )


def area_weights(source: int, target: int) -> Floats:
    """Each of `target` pixels as the mean of what it covers of `source` pixels, as OpenCV's INTER_AREA.

    Returns:
        (target, source) float32, rows summing to 1.
    """
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(covered.clip(0) * (target / source), np.float32)


def linear_weights(source: int, target: int) -> Floats:
    """Each of `target` pixels between the two of `source` around its centre, as OpenCV's INTER_LINEAR.

    Returns:
        (target, source) float32, rows summing to 1.
    """
    centres = ((np.arange(target) + 0.5) * (source / target) - 0.5).clip(0, source - 1)
    return np.asarray((1 - np.abs(centres[:, None] - np.arange(source))).clip(0), np.float32)
