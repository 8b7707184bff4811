"""A classifier that says what it is told to: for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from maskcam.classifiers.base import Classifier, check_crops
from maskcam.crops import CropSpec
from maskcam.types import Image, MaskStatus, Verdict

_CLASSES = (MaskStatus.MASK, MaskStatus.NO_MASK, MaskStatus.INCORRECT)


class FixedClassifier(Classifier):
    """Gives every crop the same verdict, or the one that a function finds in it.

    Args:
        judge: probability per class, summing to 1; or a function of one crop, (S, S, 3) uint8 BGR, to a
            status, for instance by its mean colour: the verdict is then certain, or evenly torn for `UNSURE`.
        crop: how its crops must be cut.

    Attributes:
        batch_sizes: number of crops of every call, in order.
    """

    def __init__(
        self, judge: Mapping[MaskStatus, float] | Callable[[Image], MaskStatus], *, crop: CropSpec
    ) -> None:
        if isinstance(judge, Mapping) and not np.isclose(sum(judge.values()), 1):
            raise ValueError(f"probabilities must sum to 1, got {sum(judge.values())}")
        self._judge = judge
        self.crop = crop
        self.batch_sizes: list[int] = []

    def classify(self, crops: Image) -> list[Verdict]:
        """Judges crops as told; see `Classifier.classify`."""
        check_crops(crops, self.crop)
        self.batch_sizes.append(len(crops))
        return [self._verdict(crop) for crop in crops]

    def _verdict(self, crop: Image) -> Verdict:
        if isinstance(self._judge, Mapping):
            likeliest = max(self._judge, key=self._judge.__getitem__)
            return Verdict(dict(self._judge), likeliest, self._judge[likeliest])
        status = self._judge(crop)
        if status is MaskStatus.UNSURE:
            return Verdict({known: 1 / len(_CLASSES) for known in _CLASSES}, status, 1 / len(_CLASSES))
        return Verdict({known: float(known is status) for known in _CLASSES}, status, 1.0)
