"""Lets a classifier get ready before anybody waits for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from maskcam.classifiers.base import Classifier

_OFTEN = 8
"""Times; see OpenVinoEngine, which compiles networks of their own for sizes of batches that come often."""


def warm_up(classifier: Classifier, batch_sizes: Iterable[int]) -> None:
    """Has it compile its networks for some sizes of batches, a tenth of a second each, and for all others.

    Args:
        classifier: that has not judged anything yet.
        batch_sizes: the commonest ones.
    """
    side = classifier.crop.size
    for count in batch_sizes:
        crops = np.zeros((count, side, side, 3), np.uint8)
        for _ in range(_OFTEN):
            classifier.classify(crops)
