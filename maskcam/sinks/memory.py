"""Keeps results in memory: the fake that tests use in place of a real sink."""

from __future__ import annotations

from collections.abc import Sequence

from maskcam.sinks.base import Sink
from maskcam.types import FrameResult, Image, Violation


class MemorySink(Sink):
    """Keeps everything that it is given.

    Args:
        pictures: whether it asks for pictures; without, it keeps those that others asked for.

    Attributes:
        results: in the order of arrival.
        pictures: what was drawn, one per result, None where nothing was.
        finished: violations that ended with their source.
        closed: whether `close()` was called.
    """

    def __init__(self, *, pictures: bool = False) -> None:
        self.results: list[FrameResult] = []
        self.pictures: list[Image | None] = []
        self.finished: list[Violation] = []
        self.closed = False
        self._wants_pictures = pictures

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Keeps both."""
        self.results.append(result)
        self.pictures.append(picture)

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # every frame is alike
        """As asked for when made."""
        return self._wants_pictures

    def finish(self, violations: Sequence[Violation]) -> None:
        """Keeps them."""
        self.finished += violations

    def close(self) -> None:
        """Notes that it was called."""
        self.closed = True
