"""Many sources at once, each read by a thread of its own: the only file with threads.

It decides which frames reach the pipeline: of a live source the newest, of a recording every one.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from maskcam.errors import InputError, MaskcamError, SourceError
from maskcam.sources.base import Source
from maskcam.types import Frame

_log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long `close()` waits for threads that are stuck in a read; after that they are left behind."""


@dataclass(frozen=True, slots=True)
class SourceEnd:
    """That a source has ended, and why.

    Attributes:
        name: of the source, safe to print.
        error: what stopped it; None where it came to its proper end.
    """

    name: str
    error: MaskcamError | None


class LiveReader:
    """Hands out the frames of many sources, at most one per source at a time; use it as a context manager.

    A live source never waits: a frame that nobody took is overwritten by the next one and counted in
    `dropped`. Any other source waits until its frame was taken, so that none is lost. One source that fails
    does not stop the others.

    Args:
        sources: open, with different names. They belong to the reader once it is entered: each is closed by
            the thread that reads it, since closing a source in the middle of a read crashes the libraries
            beneath.

    Raises:
        InputError: two sources have the same name.
        ValueError: there is no source.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        names = [source.info.name for source in sources]
        if not names:
            raise ValueError("a LiveReader needs at least one source")
        if len(set(names)) < len(names):
            raise InputError(f"Two sources have the same name, among {', '.join(names)}: give each its own.")
        self._changed = threading.Condition()
        self._slots: dict[str, Frame] = {}
        self._ended: list[SourceEnd] = []
        self._dropped = dict.fromkeys(names, 0)
        self._is_closing = False
        self._threads = [
            # daemons, since a read that hangs for ever must not keep the program from ending
            threading.Thread(target=self._run, args=(source,), name=f"reads {source.info.name}", daemon=True)
            for source in sources
        ]

    @property
    def ended(self) -> tuple[SourceEnd, ...]:
        """The sources that have ended, in the order in which they did."""
        with self._changed:
            return tuple(self._ended)

    @property
    def dropped(self) -> dict[str, int]:
        """Per source, by name: frames that were overwritten because a newer one came first."""
        with self._changed:
            return dict(self._dropped)

    def batches(self, *, idle_seconds: float = 0.2) -> Iterator[list[Frame]]:
        """Yields what has arrived since the last time, until every source has ended or the reader is closed.

        Args:
            idle_seconds: after that long without a frame, yields an empty list, so that the caller can look
                after its window and at `ended`. It also yields one at once when a source ends
                while others go on.

        Yields:
            At most one frame per source, in no particular order.
        """
        ends_seen = 0

        def has_news() -> bool:
            return bool(self._slots) or len(self._ended) > ends_seen or self._is_closing

        while True:
            with self._changed:
                self._changed.wait_for(has_news, idle_seconds)
                if self._is_closing:
                    return
                frames = list(self._slots.values())
                self._slots.clear()
                is_over = len(self._ended) == len(self._threads)
                ends_seen = len(self._ended)
                self._changed.notify_all()
            if frames or not is_over:
                yield frames
            if is_over:
                return

    def close(self) -> None:
        """Stops all threads and waits for them, 2 s at most in all; calling it twice is fine."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        deadline_seconds = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline_seconds - time.monotonic()))
                if thread.is_alive():
                    _log.warning("%s does not stop, it is left behind", thread.name)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, source: Source) -> None:
        """The life of one thread."""
        name = source.info.name
        error: MaskcamError | None = None
        try:
            with source:
                for frame in source.frames():
                    if not self._put(frame, source):
                        break
        except MaskcamError as known:
            error = known
        except Exception as unknown:  # noqa: BLE001  the thread's outermost edge: it would die without a word
            # where it happened, but not its text: a library's may hold the URL with its password
            where = "".join(traceback.format_tb(unknown.__traceback__))
            _log.error("reading %s failed with %s\n%s", name, type(unknown).__name__, where)
            error = SourceError(f"{name} cannot be read any further ({type(unknown).__name__}): see the log.")
            error.__cause__ = unknown
        with self._changed:
            self._ended.append(SourceEnd(name, error))
            self._changed.notify_all()

    def _put(self, frame: Frame, source: Source) -> bool:
        """Leaves a frame to be taken; False when the reader is closing."""
        name = source.info.name
        with self._changed:
            if source.info.is_live:
                self._dropped[name] += name in self._slots
            else:
                self._changed.wait_for(lambda: name not in self._slots or self._is_closing)
            if self._is_closing:
                return False
            self._slots[name] = frame
            self._changed.notify_all()
            return True
