"""The seam behind which mask classifiers stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maskcam.closing import Closing
from maskcam.crops import CropSpec
from maskcam.types import Image, Verdict


@dataclass(frozen=True, slots=True)
class RemoteState:
    """How a classifier on another machine is doing.

    Attributes:
        server: `host:port`.
        is_up: it judges; otherwise this machine does, for the time being.
        reason: why it does not, in a few words; None where it does.
        fallbacks: how often this machine had to take over.
        remote_crops: faces that the server has judged.
        local_crops: faces that this machine has judged instead.
    """

    server: str
    is_up: bool
    reason: str | None
    fallbacks: int
    remote_crops: int
    local_crops: int


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

    @property
    def remote(self) -> RemoteState | None:
        """How the other machine is doing, where crops are judged there; may be read by any thread."""
        return None

    def announce_to(self, tell: Callable[[str], object]) -> None:
        """Has the user told, in a sentence each, when another machine begins or ceases to judge.

        Args:
            tell: shows a sentence; called within `classify`, and at once with what is to be known already.
        """


def check_crops(crops: Image, spec: CropSpec) -> None:
    """Raises TypeError or ValueError unless `crops` is (n, S, S, 3) uint8 of the side that `spec` says."""
    if crops.dtype != np.uint8:
        raise TypeError(f"crops must be uint8 in 0..255, got {crops.dtype}")
    if crops.ndim != 4 or crops.shape[1:] != (spec.size, spec.size, 3):
        raise ValueError(f"crops must have shape (n, {spec.size}, {spec.size}, 3), got {crops.shape}")
