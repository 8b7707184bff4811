"""The seam behind which pictures become what a browser shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from maskcam.types import Image


class Encoder(ABC):
    """Encodes the pictures of one camera, in order, in one thread."""

    @abstractmethod
    def encode(self, image: Image, *, seconds: float, is_first: bool) -> Any:  # noqa: ANN401  its form knows
        """Encodes one picture.

        Args:
            image: (H, W, 3) uint8 BGR; not to be changed.
            seconds: when it was taken, by the camera's own clock.
            is_first: somebody new looks on, who has seen nothing before this picture.

        Returns:
            What goes to everybody who wants this form; it is shared, and not to be changed.
        """


class Form(ABC):
    """How pictures are wanted: a frozen dataclass. Onlookers with equal forms share one encoder."""

    @abstractmethod
    def open(self) -> Encoder:
        """Makes an encoder."""


class Onlooker(ABC):
    """Takes what was encoded, in the event loop.

    Args:
        form: in which it wants pictures.
    """

    def __init__(self, form: Form) -> None:
        self.form = form

    @abstractmethod
    def put(self, camera: str, encoded: Any) -> None:  # noqa: ANN401  its form knows
        """Takes one picture, and returns at once."""
