"""Work that overlaps: the stages of one recording, each in a thread of its own, a few items ahead of the next one.

What takes time in them (decoding, inference, encoding) happens in libraries that let other threads run meanwhile. No
item is ever dropped or reordered; a stage that is slower holds up the others.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from maskcam.closing import Closing

Item = TypeVar("Item")

_AHEAD = 4
"""Items between two stages: enough that neither waits while the other has a slow one."""


class _Belt(Generic[Item]):
    """Hands items from one thread to another, a few at a time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._has_ended = False
        self._is_stopped = False

    def put(self, item: Item) -> bool:
        """Waits for room; whether anybody still takes items."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._capacity or self._is_stopped)
            if not self._is_stopped:
                self._items.append(item)
                self._changed.notify()
            return not self._is_stopped

    def end(self) -> None:
        """No more items come."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Items are taken no more, those on it neither."""
        with self._changed:
            self._is_stopped = True
            self._items.clear()
            self._changed.notify_all()

    def take(self) -> Iterator[Item]:
        """Yields items until the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._has_ended or self._is_stopped)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify()
            yield item


class Ahead(Closing, Generic[Item]):
    """Iterates in a thread of its own, a few items ahead of whoever takes them.

    What the iterable raises is raised after the items before it. Closing stops the thread after the item that it is
    at, and waits for it.

    Args:
        items: iterated in that thread only.
        name: of the thread.
    """

    def __init__(self, items: Iterable[Item], *, name: str) -> None:
        self._source = items
        self._belt: _Belt[Item] = _Belt(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        yield from self._belt.take()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._belt.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._source:
                if not self._belt.put(item):
                    break
        except BaseException as error:  # noqa: BLE001  the thread's outermost edge: raised where items are taken
            self._error = error
        self._belt.end()


class Behind(Closing, Generic[Item]):
    """Does work on items in a thread of its own, in order.

    What the work raises is raised by the next `put` or by `close`; items after it are dropped.

    Args:
        work: for one item.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Item], None], *, name: str) -> None:
        self._work = work
        self._belt: _Belt[Item] = _Belt(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Waits for room.

        Raises:
            ValueError: it is closed.
        """
        if not self._belt.put(item):
            self._raise()
            raise ValueError(f"{self._thread.name} is closed")

    def close(self) -> None:
        """Waits until all items are done with."""
        self._belt.end()
        self._thread.join()
        self._belt.stop()
        self._raise()

    def _run(self) -> None:
        try:
            for item in self._belt.take():
                self._work(item)
        except BaseException as error:  # noqa: BLE001  the thread's outermost edge: raised by put or close
            self._error = error
            self._belt.stop()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


class Beside(Closing):
    """Does one piece of work in a thread of its own, and waits for it at the end of the `with` block.

    What the work raises is raised there.

    Args:
        work: to be done.
        name: of the thread.
    """

    def __init__(self, work: Callable[[], None], *, name: str) -> None:
        self._done = Ahead(self._once(work), name=name)

    @staticmethod
    def _once(work: Callable[[], None]) -> Iterator[None]:
        work()
        yield None

    def close(self) -> None:
        for _ in self._done:
            pass
        self._done.close()
