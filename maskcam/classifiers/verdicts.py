"""What a network says of a crop to a verdict: the same for all engines."""

from __future__ import annotations

from collections.abc import Sequence

from maskcam.types import MaskStatus, Verdict
from maskcam.weights import ModelCard

LARGEST_BATCH = 256
"""A crowd larger than this goes through in parts, so that memory stays bounded."""

CLOSER = 0.9
"""Part of a crop's side that its second view shows; chosen on scenes/val, where 0.8 to 0.9 differ little."""


def second_view_edge(side: int) -> int:
    """Pixels that the second view of a crop leaves out at each of its edges."""
    return round(side * (1 - CLOSER) / 2)


class VerdictReader:
    """Reads probabilities as the card says.

    Args:
        card: of a classifier.
    """

    def __init__(self, card: ModelCard) -> None:
        self._statuses = [MaskStatus(name) for name in card.classes]
        self._unsure_below = card.unsure_below

    def read(self, probabilities: Sequence[float]) -> Verdict:
        """The verdict on one crop.

        Args:
            probabilities: per class of the card, summing to 1.
        """
        by_status = dict(zip(self._statuses, probabilities, strict=True))
        status, confidence = max(by_status.items(), key=lambda item: item[1])
        return Verdict(
            probabilities=by_status,
            status=status if confidence >= self._unsure_below else MaskStatus.UNSURE,
            confidence=confidence,
        )
