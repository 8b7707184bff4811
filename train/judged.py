"""What a classifier said of labelled faces: the raw material of every figure and plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskcam.types import MaskStatus
from train.labelled import LabelledCrops

STATUSES = (MaskStatus.MASK, MaskStatus.NO_MASK, MaskStatus.INCORRECT)
"""What a face can be labelled as; `Judged.true` and `Judged.said` are indices into it."""

SIZE_BANDS = ((0, 16), (16, 24), (24, 48), (48, np.inf))
"""Shorter side of a face in pixels: from, to."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Labelled faces and a classifier's probabilities for them.

    Attributes:
        classes: of the network, k of them.
        probabilities: (n, k) float32 in [0, 1].
        true: (n,) int64, labels as indices into `STATUSES`.
        sides_px: (n,) float32, shorter side of each face in its picture.
        sources: (n,) texts, the collections that they come from.
        names: (n,) texts; up to a `#` the picture's name.
    """

    classes: tuple[MaskStatus, ...]
    probabilities: NDArray[np.float32]
    true: NDArray[np.int64]
    sides_px: NDArray[np.float32]
    sources: NDArray[np.str_]
    names: NDArray[np.str_]

    @classmethod
    def of(
        cls, probabilities: NDArray[np.float32], crops: LabelledCrops, classes: Sequence[MaskStatus]
    ) -> Judged:
        """Joins (n, k) probabilities with the labels of their crops."""
        return cls(
            classes=tuple(classes),
            probabilities=probabilities,
            true=np.array([STATUSES.index(status) for status in crops.statuses], np.int64),
            sides_px=crops.sides,
            sources=np.array(crops.sources, np.str_),
            names=np.array(crops.names, np.str_),
        )

    def __len__(self) -> int:
        return len(self.true)

    @property
    def said(self) -> NDArray[np.int64]:
        """(n,) likeliest classes, as indices into `STATUSES`."""
        numbers = np.array([STATUSES.index(status) for status in self.classes], np.int64)
        return np.asarray(numbers[self.probabilities.argmax(axis=1)], np.int64)

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) probability of the likeliest class."""
        return np.asarray(self.probabilities.max(axis=1, initial=0), np.float32)

    @property
    def mask_probability(self) -> NDArray[np.float32]:
        """(n,) probability that the mask is worn right."""
        return self.probabilities[:, self.classes.index(MaskStatus.MASK)]

    @property
    def pictures(self) -> NDArray[np.str_]:
        """(n,) names of the pictures."""
        return np.array([str(name).partition("#")[0] for name in self.names], np.str_)

    def where(self, chosen: NDArray[np.bool_]) -> Judged:
        """The faces for which (n,) `chosen` is true."""
        return Judged(
            classes=self.classes,
            probabilities=self.probabilities[chosen],
            true=self.true[chosen],
            sides_px=self.sides_px[chosen],
            sources=self.sources[chosen],
            names=self.names[chosen],
        )

    def answerable(self) -> Judged:
        """The faces whose label the network has a class for: a binary one cannot be right on a mask worn wrong."""
        return self.where(np.isin(self.true, [STATUSES.index(status) for status in self.classes]))

    def bands(self) -> dict[str, NDArray[np.bool_]]:
        """Which faces are in each size band that has any, by names like `16-24`."""
        chosen = {
            _band_name(low, high): (self.sides_px >= low) & (self.sides_px < high) for low, high in SIZE_BANDS
        }
        return {name: band for name, band in chosen.items() if band.any()}


def _band_name(low: float, high: float) -> str:
    if low == 0:
        return f"<{high}"
    return f"{low}-{high}" if high < np.inf else f"{low}+"
