"""Many sources at once, each read by a thread of its own: the only threads in the way of a frame.

It decides which frames reach the pipeline: of a live source the newest, of a recording every one. A camera that is
lost is opened again for ever, and its frames go on counting time where they left off.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from maskcam.errors import InputError, MaskcamError, MissingLibraryError, SourceError, StreamFault
from maskcam.feeds import Backoff, Feed, FeedHealth, FeedState
from maskcam.readings import Reading
from maskcam.sources.base import Source
from maskcam.types import Frame

_log = logging.getLogger(__name__)

CLOSE_SECONDS = 0.5
"""How long `close()` waits for threads that are stuck in a read; after that they are left behind."""
HANG_SECONDS = 30.0
"""Longer than any time-out of a source: a read that does not return by then is given up, another thread takes over."""
_MOST_HANGING = 3
"""Threads of one camera that were given up and still hang: more would only hang as well."""


class _Stop(Exception):  # noqa: N818  no error: it ends a thread
    """The reader is closing, or another thread has taken over."""


@dataclass(slots=True)
class _Reading(Reading):
    """A feed and the thread that reads it: only to be touched under the reader's lock."""

    slot: Frame | None = None
    """What waits to be taken."""
    thread: threading.Thread | None = None
    turn: int = 0
    """Number of the thread that reads; those before it have been given up."""
    hanging: list[threading.Thread] = field(default_factory=list)
    busy_since: float | None = None
    """Since when the thread waits for its source; None while it waits for something else."""


class LiveReader:
    """Hands out the frames of many feeds, at most one per feed at a time; use it as a context manager.

    A live source never waits: a frame that nobody took is overwritten by the next one and counted as dropped.
    Any other source waits until its frame was taken, so that none is lost. One source that fails does not stop
    the others.

    Args:
        feeds: with different names. Their sources belong to the reader: each is closed by the thread that reads
            it, since closing a source in the middle of a read crashes the libraries beneath.
        endless: goes on when all feeds have ended, and without any: others may be added.

    Raises:
        InputError: two feeds have the same name.
        ValueError: there is no feed.
    """

    def __init__(self, feeds: Sequence[Feed], *, endless: bool = False) -> None:
        names = [feed.name for feed in feeds]
        if not names and not endless:
            raise ValueError("a LiveReader needs at least one feed")
        if len(set(names)) < len(names):
            raise InputError(f"Two sources have the same name, among {', '.join(names)}: give each its own.")
        self._changed = threading.Condition()
        self._readings = {feed.name: _Reading(feed) for feed in feeds}
        self._changes = 0
        self._is_endless = endless
        self._is_closing = False

    def add(self, feed: Feed) -> None:
        """Reads one more feed, while the others go on.

        Raises:
            InputError: there is one of that name.
        """
        with self._changed:
            if feed.name in self._readings:
                raise InputError(f"There is a camera {feed.name} already: give the new one another name.")
            reading = self._readings[feed.name] = _Reading(feed)
            self._start_thread(reading)

    def remove(self, name: str) -> None:
        """Reads a feed no longer; its thread closes the source as soon as the read that it is in returns."""
        with self._changed:
            self._readings.pop(name).turn += 1
            self._changed.notify_all()

    def health(self) -> dict[str, FeedHealth]:
        """How every feed is doing, by name."""
        now_seconds = time.monotonic()
        with self._changed:
            return {name: reading.at(now_seconds) for name, reading in self._readings.items()}

    def batches(self, *, idle_seconds: float = 0.2) -> Iterator[list[Frame]]:
        """Yields what has arrived since the last time, until every feed has ended or the reader is closed.

        Args:
            idle_seconds: after that long without a frame, yields an empty list, so that the caller can look
                after its window and at `health`. It also yields one at once when the state of a feed changes.

        Yields:
            At most one frame per feed, in the order of the feeds.
        """
        changes_seen = 0

        def has_news() -> bool:
            has_frame = any(reading.slot is not None for reading in self._readings.values())
            return has_frame or self._changes > changes_seen or self._is_closing

        while True:
            with self._changed:
                self._changed.wait_for(has_news, idle_seconds)
                if self._is_closing:
                    return
                frames = [
                    reading.hand_over(reading.slot)
                    for reading in self._readings.values()
                    if reading.slot is not None
                ]
                for reading in self._readings.values():
                    reading.slot = None
                    self._take_over_if_it_hangs(reading)
                is_over = not self._is_endless and all(
                    reading.health.state.is_final for reading in self._readings.values()
                )
                changes_seen = self._changes
                self._changed.notify_all()
            if frames or not is_over:
                yield frames
            if is_over:
                return

    def close(self) -> None:
        """Stops all threads and waits for them, half a second at most in all; calling it twice is fine."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            threads = [reading.thread for reading in self._readings.values() if reading.thread is not None]
        deadline_seconds = time.monotonic() + CLOSE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline_seconds - time.monotonic()))
            if thread.is_alive():
                _log.info("%s does not stop, it is left behind", thread.name)

    def __enter__(self) -> Self:
        with self._changed:
            for reading in self._readings.values():
                self._start_thread(reading)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_thread(self, reading: _Reading) -> None:
        reading.turn += 1
        reading.busy_since = time.monotonic()
        reading.thread = threading.Thread(
            target=self._run,
            args=(reading, reading.turn),
            name=f"reads {reading.feed.name}",
            daemon=True,  # a read that hangs for ever must not keep the program from ending
        )
        reading.thread.start()

    def _take_over_if_it_hangs(self, reading: _Reading) -> None:
        is_busy = reading.busy_since is not None and reading.feed.is_camera
        if not is_busy or time.monotonic() - (reading.busy_since or 0.0) < HANG_SECONDS:
            return
        reading.hanging = [thread for thread in reading.hanging if thread.is_alive()]
        if reading.thread is None or len(reading.hanging) >= _MOST_HANGING:
            return
        _log.warning("%s: no answer for %g s, another thread takes over", reading.thread.name, HANG_SECONDS)
        reading.hanging.append(reading.thread)
        reason = f"{reading.feed.name} hangs for more than {HANG_SECONDS:g} s: turn it off and on again."
        self._change(reading, FeedState.RECONNECTING, SourceError(reason, fault=StreamFault.TIMEOUT))
        self._start_thread(reading)

    def _change(self, reading: _Reading, state: FeedState, error: MaskcamError | None = None) -> None:
        reading.health = replace(
            reading.health,
            state=state,
            fault=error.fault if isinstance(error, SourceError) else None,
            reason=None if error is None else str(error),
        )
        self._changes += 1
        self._changed.notify_all()

    @contextmanager
    def _turn(self, reading: _Reading, turn: int) -> Iterator[None]:
        """The lock, while it is this thread's turn.

        Raises:
            _Stop: it no longer is.
        """
        with self._changed:
            self._check_turn(reading, turn)
            yield

    def _check_turn(self, reading: _Reading, turn: int) -> None:
        if self._is_closing or reading.turn != turn:
            raise _Stop

    def _wait(
        self,
        reading: _Reading,
        turn: int,
        *,
        until: Callable[[], bool] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Lets go of the lock until something holds, or for so long."""

        def is_over() -> bool:
            return self._is_closing or reading.turn != turn or (until is not None and until())

        reading.busy_since = None
        self._changed.wait_for(is_over, seconds)
        self._check_turn(reading, turn)
        reading.busy_since = time.monotonic()

    def _run(self, reading: _Reading, turn: int) -> None:
        """The life of one thread."""
        backoff = Backoff()
        opened = reading.feed.opened if turn == 1 else None
        try:
            while True:
                attempt_seconds = time.monotonic()
                error, may_return = self._read(reading, turn, opened)
                opened = None
                with self._turn(reading, turn):
                    if not may_return:
                        self._change(reading, FeedState.FAILED if error else FeedState.ENDED, error)
                        reading.busy_since = None
                        return
                    lived_seconds = 0.0
                    if reading.health.state is FeedState.LIVE:
                        lived_seconds = time.monotonic() - attempt_seconds
                    first = reading.last is None
                    self._change(reading, FeedState.CONNECTING if first else FeedState.RECONNECTING, error)
                    wait_seconds = backoff.wait_seconds(reading.health.fault, lived_seconds=lived_seconds)
                    # an attempt that took long has waited already
                    since = time.monotonic() if lived_seconds else attempt_seconds
                    self._wait(reading, turn, seconds=max(0.0, since + wait_seconds - time.monotonic()))
        except _Stop:
            return

    def _read(self, reading: _Reading, turn: int, opened: Source | None) -> tuple[MaskcamError | None, bool]:
        """Reads a source once, from opening it to its end.

        Returns:
            What stopped it, None for the proper end of a recording; and whether to open it again.
        """
        name, is_recording = reading.feed.name, not reading.feed.is_camera
        error: MaskcamError | None = None
        source: Source | None = None
        try:
            source = opened or reading.feed.open()
            is_recording |= not source.info.is_live
            with source:
                self._pass_on(reading, turn, source)
        except MaskcamError as known:
            # its trace holds the source, and this frame both: 50 MB per reconnect until Python looks for cycles
            error = known.with_traceback(None)
        except _Stop:
            raise
        except Exception as unknown:  # noqa: BLE001  the thread's outermost edge: it would die without a word
            # where it happened, but not its text: a library's may hold the URL with its password
            where = "".join(traceback.format_tb(unknown.__traceback__))
            _log.error("reading %s failed with %s\n%s", name, type(unknown).__name__, where)
            error = SourceError(f"{name} cannot be read any further ({type(unknown).__name__}): see the log.")
            error.__cause__ = unknown.with_traceback(None)
        finally:
            if source is not None:
                with self._changed:
                    reading.losses_before += source.losses
        return error, not (is_recording or isinstance(error, InputError | MissingLibraryError))

    def _pass_on(self, reading: _Reading, turn: int, source: Source) -> None:
        """Leaves the frames of a source to be taken, one after another."""
        is_live = source.info.is_live
        is_first = True
        for frame in source.frames():
            with self._turn(reading, turn):
                if is_first:
                    self._welcome(reading, frame, is_live=is_live)
                    is_first = False
                frame = reading.take(frame, source.losses, time.monotonic())
                if not is_live:
                    self._wait(reading, turn, until=lambda: reading.slot is None)
                elif not reading.pace.lets_through(frame.captured_seconds):
                    reading.health = replace(reading.health, passed_over=reading.health.passed_over + 1)
                    reading.busy_since = time.monotonic()
                    continue
                elif reading.slot is not None:
                    reading.health = replace(reading.health, dropped=reading.health.dropped + 1)
                reading.slot = frame
                reading.busy_since = time.monotonic()
                self._changed.notify_all()

    def _welcome(self, reading: _Reading, first: Frame, *, is_live: bool) -> None:
        """The first picture of a connection is there."""
        if is_live:
            reading.begin(first)
        returns = reading.health.state is FeedState.RECONNECTING
        reading.health = replace(
            reading.health, is_live=is_live, reconnects=reading.health.reconnects + returns
        )
        self._change(reading, FeedState.LIVE)
