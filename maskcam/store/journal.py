"""Rows on their way into a store that may be locked, full or away for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from maskcam.errors import StoreError
from maskcam.store.records import MinuteCounts, Row, ViolationRecord
from maskcam.store.spill import SpillFile
from maskcam.store.store import EventStore
from maskcam.store.writing import merge

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0

Item = TypeVar("Item")

_Key = str | tuple[str, datetime, str]


class Journal:
    """Writes rows into a store, and keeps them in memory and in a file while it cannot be written.

    Several reports of one violation wait as one row. Not for several threads at once.

    Args:
        store: stays open.
        spill: likewise; what stands in it counts as waiting.
        capacity: rows kept in memory; beyond, those that the file has are read again from there later, and the
            oldest of the others, if the file cannot be written either, are lost.
        clock: seconds that never step back.
    """

    def __init__(
        self,
        store: EventStore,
        spill: SpillFile,
        *,
        capacity: int = 50_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._spill = spill
        self._capacity = capacity
        self._clock = clock
        self._waiting: dict[_Key, Row] = {}
        self._unspilled: dict[_Key, Row] = {}
        self._has_overflowed = False
        self._fault: StoreError | None = None
        self._spill_fault: str | None = None
        self._retry_at = 0.0
        self._wait_seconds = _FIRST_WAIT_SECONDS
        self.lost = 0
        """Rows that found no room anywhere."""

    @property
    def waiting(self) -> int:
        """Rows that the database does not have yet."""
        return len(self._waiting)

    def add(self, rows: Sequence[Row], *, at_once: bool = False) -> bool:
        """Takes rows, none when it is only time to try again.

        Args:
            rows: in order.
            at_once: tries even if the last attempt failed a moment ago.

        Returns:
            Whether the database now has everything.
        """
        for row in rows:
            self._keep(row)
        if not self._waiting and not self._has_overflowed:
            return True
        if self._fault is None or at_once or self._clock() >= self._retry_at:
            try:
                self._write()
            except StoreError as error:
                self._failed(error)
            else:
                self._succeeded()
                return True
        self._save_unspilled()
        return False

    def _keep(self, row: Row) -> None:
        key: _Key
        key = (row.camera, row.minute, row.run_id) if isinstance(row, MinuteCounts) else row.key
        if isinstance(row, ViolationRecord):
            before = self._waiting.get(key)
            row = merge(before if isinstance(before, ViolationRecord) else None, row)
        for rows in (self._waiting, self._unspilled):
            rows.pop(key, None)  # so that the order is that of the last reports
            rows[key] = row

    def _write(self) -> None:
        if self._has_overflowed:
            for part in _parts(self._spill.read(), 500):
                self._store.record(part)
        # in parts: a transaction of 50,000 rows would hold the database for seconds
        for keys in _parts(list(self._waiting), 2000):
            self._store.record([self._waiting[key] for key in keys])
            for key in keys:
                del self._waiting[key]
                self._unspilled.pop(key, None)

    def _succeeded(self) -> None:
        if self._fault is not None:
            _log.warning("the event store %s can be written again, nothing waits any more", self._store.name)
        self._spill.clear()
        self._waiting.clear()
        self._unspilled.clear()
        self._has_overflowed = False
        self._fault = self._spill_fault = None
        self._wait_seconds = _FIRST_WAIT_SECONDS

    def _failed(self, error: StoreError) -> None:
        if self._fault is None:
            _log.warning("%s; what happens meanwhile is kept in %s", error, self._spill.path)
            self._wait_seconds = _FIRST_WAIT_SECONDS
        self._fault = error
        self._retry_at = self._clock() + self._wait_seconds
        self._wait_seconds = min(2 * self._wait_seconds, _LONGEST_WAIT_SECONDS)

    def _save_unspilled(self) -> None:
        try:
            self._spill.append(self._unspilled.values())
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            if self._spill_fault is None:
                _log.warning(
                    "%s cannot be written either (%s); what happens is kept in memory only",
                    self._spill.path,
                    words,
                )
            self._spill_fault = words
        else:
            self._unspilled.clear()
        while len(self._waiting) > self._capacity:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            if self._unspilled.pop(oldest, None) is None:
                self._has_overflowed = True
            else:
                self._lose()

    def _lose(self) -> None:
        if not self.lost:
            _log.error("no room is left in memory for the event store's rows: the oldest are lost")
        self.lost += 1


def _parts(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part
