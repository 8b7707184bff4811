"""The seam behind which mask classifiers stand."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from maskcam.closing import Closing
from maskcam.crops import CropSpec
from maskcam.types import Image, Verdict


class Classifier(Closing, ABC):
    """Judges crops of faces. Use it as a context manager, or call `close()`."""

    crop: CropSpec
    """How its crops must be cut."""

    device: str = "cpu"
    """Where it computes, as shown to the user."""

    @abstractmethod
    def classify(self, crops: Image) -> list[Verdict]:
        """Judges all the crops of a step in one batch.

        Args:
            crops: (n, S, S, 3) uint8 BGR, cut by `maskcam.crops` to `self.crop`; n may be 0; left unchanged.

        Returns:
            n verdicts, in order.
        """


def check_crops(crops: Image, spec: CropSpec) -> None:
    """Raises TypeError or ValueError unless `crops` is (n, S, S, 3) uint8 of the side that `spec` says."""
    if crops.dtype != np.uint8:
        raise TypeError(f"crops must be uint8 in 0..255, got {crops.dtype}")
    if crops.ndim != 4 or crops.shape[1:] != (spec.size, spec.size, 3):
        raise ValueError(f"crops must have shape (n, {spec.size}, {spec.size}, 3), got {crops.shape}")
