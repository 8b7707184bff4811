"""Forwards what the event store has to the central place, for as long as a run goes on.

What waits stands in the event store itself (`maskcam.store.forwarding`), so that the video is not concerned, and
nothing has to be handed over in memory.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from maskcam import __version__
from maskcam.central.base import Link
from maskcam.errors import DeliveryError, StoreError
from maskcam.outbox.courier import BackOff
from maskcam.sinks.base import Backlog, Sink
from maskcam.sinks.violation_records import storable
from maskcam.store.sites import Report
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, Image
from maskcam.workers import Repeater

_log = logging.getLogger(__name__)

_MOST_ROWS = 200
"""At once: about 150 kB over MQTT."""
_POLL_SECONDS = 0.25
_REPORT_SECONDS = 10.0
_SETTLED = timedelta(seconds=65)
"""After a minute began, its counts no longer change."""
_LONGEST_WAIT_SECONDS = 30.0


class Forwarder(Sink):
    """Gives the central place everything that the event store has and it has not, in a thread of its own.

    Args:
        store: of this site; closed with the sink.
        link: to the central place; likewise, by the thread that uses it.
        cameras: names of those of this run.
        tell: told when the central place goes away and when it is back, one sentence each.
        retry_seconds: after the first failure; later ones wait longer, up to half a minute.
    """

    def __init__(
        self,
        store: EventStore,
        link: Link,
        *,
        cameras: Sequence[str] = (),
        tell: Callable[[str], None] = _log.warning,
        retry_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._link = link
        self._tell = tell
        self._seen: dict[str, float | None] = {storable(name): None for name in cameras}
        self._back_off = BackOff(first_seconds=retry_seconds, longest_seconds=_LONGEST_WAIT_SECONDS)
        self._retry_at = self._report_at = 0.0
        self._waiting = 0
        self._fault: str | None = None
        self._is_closing = False
        self._repeater = Repeater(self._turn, name=f"forwarding to {link.name}", end=self._end)

    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  the store has what is to be sent
        """Takes note of when the camera was last seen."""
        self._seen[storable(result.frame.camera)] = time.monotonic()

    def backlog(self) -> Backlog:
        return Backlog("outbox", self._link.name, self._waiting)

    def close(self) -> None:
        """Gives the central place a moment to take the rest; what it does not take is forwarded by the next run."""
        self._is_closing = True
        self._repeater.close(seconds=3.0)

    # All below runs in the repeater's thread.

    def _turn(self) -> float:
        wait_seconds = self._retry_at - time.monotonic()
        if wait_seconds > 0:
            return wait_seconds
        try:
            has_more = self._forward()
        except (StoreError, DeliveryError) as error:
            wait_seconds = self._back_off.failed()
            self._retry_at = time.monotonic() + wait_seconds
            if self._fault is None:
                self._tell(f"{self._link.name} cannot be told ({error}): what is new waits until it can")
            self._fault = str(error)
            return wait_seconds
        self._back_off.reset()
        if self._fault is not None:
            self._tell(f"{self._link.name} is told again")
        self._fault = None
        return 0.0 if has_more else _POLL_SECONDS

    def _forward(self) -> bool:
        """Hands over what there is, or only reports when that is due; whether there is more."""
        before = None if self._is_closing else datetime.now(UTC) - _SETTLED
        rows, self._waiting = self._store.waiting(limit=_MOST_ROWS, before=before)
        if not rows and time.monotonic() < self._report_at:
            return False
        rest = self._waiting - len(rows)
        self._link.deliver(self._report(rest), rows)
        self._report_at = time.monotonic() + _REPORT_SECONDS
        if rows:
            self._store.mark_forwarded(rows)
        self._waiting = rest
        return rest > 0

    def _report(self, waiting: int) -> Report:
        now = time.monotonic()
        seen = {name: None if at is None else now - at for name, at in self._seen.copy().items()}
        return Report(waiting=waiting, cameras=seen, version=__version__)

    def _end(self) -> None:
        self._link.close()
        self._store.close()
