"""Work that must not hold up the video: in threads of its own, behind a bounded queue or again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from maskcam.closing import Closing

Item = TypeVar("Item")

_log = logging.getLogger(__name__)


class Worker(Closing, Generic[Item]):
    """Hands items to a function in batches, in order, in a thread of its own.

    `submit` never waits. What the function raises is logged, once per kind until a batch succeeds again; those items
    are gone, so a function that must lose nothing keeps trying by itself.

    Args:
        work: takes the items of a batch.
        name: of the thread, for logs.
        capacity: items that may wait; more are refused.
        most: items per batch.
        gather_seconds: how long the first item of a batch waits for others.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], None],
        *,
        name: str,
        capacity: int = 10_000,
        most: int = 500,
        gather_seconds: float = 0.1,
    ) -> None:
        self._work = work
        self._capacity = capacity
        self._most = most
        self._gather_seconds = gather_seconds
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._is_closing = False
        self._is_busy = False
        self._fault: str | None = None
        self.refused = 0
        """Items that were turned away because too many waited."""
        # a daemon, so that work that hangs does not keep the program from ending: close() says how long to wait
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that were queued and not begun with."""
        return len(self._waiting)

    def submit(self, item: Item) -> bool:
        """Queues an item.

        Returns:
            Whether there was room for it.

        Raises:
            ValueError: the worker is closed.
        """
        with self._changed:
            if self._is_closing:
                raise ValueError(f"{self._thread.name} is closed")
            if len(self._waiting) >= self._capacity:
                self.refused += 1
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def flush(self, *, seconds: float) -> bool:
        """Waits until all that was queued is done, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._is_busy), seconds)

    def close(self, *, seconds: float = 1.5) -> None:
        """Does what is queued and ends the thread, waiting at most so long; calling it twice is fine."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        if self._thread.is_alive():
            _log.warning(
                "%s does not end in %g s: %d items are lost", self._thread.name, seconds, len(self._waiting)
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    return
                self._is_busy = True
                deadline_seconds = time.monotonic() + self._gather_seconds
                self._changed.wait_for(
                    lambda: len(self._waiting) >= self._most or self._is_closing,
                    max(0.0, deadline_seconds - time.monotonic()),
                )
                batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                self._work(batch)
                self._fault = None
            except Exception as error:  # noqa: BLE001  the thread's outermost edge: it would die without a word
                if self._fault != type(error).__name__:
                    _log.exception("%s failed", self._thread.name)
                self._fault = type(error).__name__
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()


class Repeater(Closing):
    """Calls a function again and again in a thread of its own.

    What the function raises is logged, once per kind until a call succeeds again, and it is called again after
    `fault_seconds`.

    Args:
        turn: returns how many seconds later it wants to be called again.
        name: of the thread, for logs.
        end: called last, in the same thread, so that what `turn` uses is released where it was used.
        fault_seconds: how long to wait after a fault.
    """

    def __init__(
        self,
        turn: Callable[[], float],
        *,
        name: str,
        end: Callable[[], None] = lambda: None,
        fault_seconds: float = 1.0,
    ) -> None:
        self._turn = turn
        self._end = end
        self._fault_seconds = fault_seconds
        self._fault: str | None = None
        self._deadline_seconds = 0.0
        self._is_closing = threading.Event()
        self._is_woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Has the function called without further waiting."""
        self._is_woken.set()

    def close(self, *, seconds: float = 1.5) -> None:
        """Lets the function finish what it can do at once, and ends the thread, waiting at most so long."""
        self._deadline_seconds = time.monotonic() + seconds / 2
        self._is_closing.set()
        self._is_woken.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            _log.warning("%s does not end in %g s", self._thread.name, seconds)

    def _run(self) -> None:
        while True:
            was_closing = self._is_closing.is_set()
            wait_seconds = self._call(self._turn)
            # a turn that began after the closing found nothing more to do, or there is no time for it
            if was_closing and (wait_seconds > 0 or time.monotonic() > self._deadline_seconds):
                self._call(self._finish)
                return
            self._is_woken.wait(wait_seconds)
            self._is_woken.clear()

    def _finish(self) -> float:
        self._end()
        return 0.0

    def _call(self, function: Callable[[], float]) -> float:
        try:
            seconds = function()
        except Exception as error:  # noqa: BLE001  the thread's outermost edge: it would die without a word
            if self._fault != type(error).__name__:
                _log.exception("%s failed", self._thread.name)
            self._fault = type(error).__name__
            return self._fault_seconds
        self._fault = None
        return seconds
