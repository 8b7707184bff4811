"""The seam behind which face detectors stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from maskcam.types import Faces, Image


class Detector(ABC):
    """Finds faces. Not safe to share between threads: make one each.

    Use it as a context manager, or call `close()`.
    """

    device: str = "cpu"
    """Where it computes, as shown to the user."""

    @abstractmethod
    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Finds the faces in a batch of images.

        Args:
            images: each (H, W, 3) uint8 BGR, of any size and not all of the same size; left unchanged.

        Returns:
            One `Faces` per image, in order, boxes in that image's pixels, best score first.
        """

    def close(self) -> None:  # noqa: B027  # not every one holds something
        """Releases what the detector holds; calling it twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
