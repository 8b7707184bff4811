"""A sink whose work is done in a thread of its own, while the next frames are analysed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from maskcam.belts import Behind
from maskcam.sinks.base import Backlog, Sink
from maskcam.types import FrameResult, Image, Violation


class OverlappedSink(Sink):
    """Hands results to another sink, in order, and waits only when that is some frames behind: nothing is lost.

    What the other sink raises is raised by the next `write`, `finish` or `close`.

    Args:
        sink: closed with this one.
        name: of the thread.
    """

    def __init__(self, sink: Sink, *, name: str) -> None:
        self._sink = sink
        self._behind: Behind[Callable[[], None]] = Behind(lambda call: call(), name=name)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        self._behind.put(partial(self._sink.write, result, picture))

    def wants_picture(self, result: FrameResult) -> bool:
        return self._sink.wants_picture(result)

    def finish(self, violations: Sequence[Violation]) -> None:
        self._behind.put(partial(self._sink.finish, violations))

    def backlog(self) -> Backlog | None:
        return self._sink.backlog()

    def close(self) -> None:
        """Waits until all is written."""
        with ExitStack() as stack:
            stack.callback(self._sink.close)
            stack.callback(self._behind.close)
