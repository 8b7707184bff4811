"""The seam behind which face detectors stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from maskcam.closing import Closing
from maskcam.pixels import Pixels
from maskcam.types import Faces, Image, Sighting


class Detector(Closing, ABC):
    """Finds faces. Not safe to share between threads: make one each.

    Use it as a context manager, or call `close()`.
    """

    device: str = "cpu"
    """Where it computes, as shown to the user."""

    @abstractmethod
    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        """Finds the faces in a batch of images.

        Args:
            images: each (H, W, 3) uint8 BGR or the pixels of a frame, of any size and not all of the same size; left
                unchanged.

        Returns:
            One `Faces` per image, in order, boxes in that image's pixels, best score first.
        """


class JudgingDetector(Detector):
    """Finds faces and judges each of them while the pictures are still where it computes.

    Whoever has one need not cut crops and ask a classifier: on a GPU that would bring every face back, and there again.
    """

    @abstractmethod
    def detect_and_judge(self, images: Sequence[Image | Pixels]) -> list[Sighting]:
        """As `detect`, with verdicts.

        Args:
            images: see there.

        Returns:
            One per image, in order, each with a verdict for every face.
        """
