"""The seam behind which windows, recordings and logs stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from maskcam.closing import Closing
from maskcam.types import FrameResult, Image, Violation


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a sink has taken and not done with yet.

    Attributes:
        kind: waits for the event store, or for a receiver of alerts.
        name: of the store or the receiver, without secrets.
        waiting: how many rows or messages.
    """

    kind: Literal["store", "outbox"]
    name: str
    waiting: int


class Sink(Closing, ABC):
    """Takes results: shows, records or logs them. Use it as a context manager, or call `close()`."""

    @abstractmethod
    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Takes the result of one frame.

        Args:
            result: what is known of the frame; `result.frame.image` is not drawn upon.
            picture: the frame with the overlay drawn, (H, W, 3) uint8 BGR, where `wants_picture(result)`;
                may be None otherwise. Shared with other sinks: not to be changed.

        Raises:
            OutputError: it cannot be written.
        """

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # others look at it
        """Whether `write` needs the overlay drawn for this result; drawing is skipped when no sink does."""
        return False

    def finish(self, violations: Sequence[Violation]) -> None:  # most sinks need not know
        """Takes the violations that ended only because their source did; no frame goes with them."""

    def backlog(self) -> Backlog | None:
        """What waits, for sinks in which something can; may be called from any thread."""
        return None


class SinkGroup(Sink):
    """Several sinks as one, so that the overlay is drawn once for all and only when one of them wants it.

    Args:
        sinks: closed with the group, the last one first.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        for sink in self._sinks:
            sink.write(result, picture)

    def wants_picture(self, result: FrameResult) -> bool:
        return any(sink.wants_picture(result) for sink in self._sinks)

    def finish(self, violations: Sequence[Violation]) -> None:
        for sink in self._sinks:
            sink.finish(violations)

    def close(self) -> None:
        with ExitStack() as stack:  # one sink that fails to close must not keep the others open
            for sink in self._sinks:
                stack.callback(sink.close)
        self._sinks = []
