"""Live updates: what happens in the service, for any number of browsers that look on.

The service's thread hands news over and goes on; a browser that does not keep up loses news, never others' time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from maskcam.service import Service
from maskcam.sinks.violation_records import storable
from maskcam.types import Violation
from maskcam.watching import CameraStatus
from maskcam.web.schemas import CameraNumbers

_WAITING = 200
"""News that may wait for one browser; older ones are lost."""
_MOST_LISTENERS = 200
News = tuple[str, Mapping[str, Any]]
"""Name of the event, and its data."""


class Stream:
    """Passes news on from the service to all who listen.

    Args:
        service: whose news.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._listeners: set[asyncio.Queue[News | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def is_full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._listeners) >= _MOST_LISTENERS

    def open(self) -> None:
        """Begins, in the event loop of the web."""
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._service.subscribe(self._hear)

    def close(self) -> None:
        """Sends everybody away."""
        self._unsubscribe()
        for queue in self._listeners:
            _put(queue, None)

    async def news(self, *, every_seconds: float = 1.0) -> AsyncIterator[News]:
        """What happens from now on; numbers of all cameras every so often."""
        queue: asyncio.Queue[News | None] = asyncio.Queue(_WAITING)
        self._listeners.add(queue)
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                if loop.time() >= due:
                    due = loop.time() + every_seconds
                    yield "numbers", numbers(self._service)
                try:
                    async with asyncio.timeout_at(due):
                        item = await queue.get()
                except TimeoutError:
                    continue
                if item is None:
                    return
                yield item
        finally:
            self._listeners.discard(queue)

    def _hear(self, news: Violation | CameraStatus) -> None:
        """Called by the service's thread."""
        item = describe(news, run_id=self._service.state.run_id)
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._spread, item)

    def _spread(self, item: News) -> None:
        for queue in self._listeners:
            _put(queue, item)


def describe(news: Violation | CameraStatus, *, run_id: str) -> News:
    """What is said of it."""
    if isinstance(news, CameraStatus):
        return "camera", CameraNumbers.of(news).model_dump(mode="json")
    return "violation", {
        "key": f"{run_id}/{storable(news.camera)}/{news.violation_id}",
        "camera": news.camera,
        "phase": news.phase.value,
        "status": news.status.value,
        "track_id": news.track_id,
    }


def numbers(service: Service) -> Mapping[str, Any]:
    """How everything is doing."""
    state = service.state
    return {
        "is_running": state.is_running,
        "fault": state.fault,
        "cameras": [
            CameraNumbers.of(camera).model_dump(mode="json") for camera in service.cameras().values()
        ],
    }


def _put(queue: asyncio.Queue[News | None], item: News | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)
