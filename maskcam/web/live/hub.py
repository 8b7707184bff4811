"""Brings the pictures of the cameras to those who look on.

The service's thread puts each result into the slot of its camera and goes on; a thread per camera takes the newest one,
draws and encodes it, and the event loop hands it round. Nobody waits for anybody: a thread that does not keep up passes
results over, and so does every onlooker for itself. Without onlookers there is no thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from maskcam.overlay import draw
from maskcam.service import Service
from maskcam.sinks.base import Sink
from maskcam.types import FrameResult, Image
from maskcam.web.live.forms import Encoder, Form, Onlooker
from maskcam.workers import Repeater

MOST_ONLOOKERS = 200
_IDLE_SECONDS = 3600.0


class LiveHub(Sink):
    """A tap of the service; the rest of it belongs to the event loop."""

    def __init__(self) -> None:
        self._channels: Mapping[str, Channel] = {}
        self._onlookers = 0

    @property
    def is_full(self) -> bool:
        """Whether nobody else may look on."""
        return self._onlookers >= MOST_ONLOOKERS

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Hands a result to its camera's thread, if anybody looks on."""
        channel = self._channels.get(result.frame.camera)
        if channel is not None:
            channel.show(result, picture)

    @contextmanager
    def watching(self, service: Service, cameras: Sequence[str], onlooker: Onlooker) -> Iterator[None]:
        """Has somebody look on.

        Args:
            service: that has the cameras.
            cameras: names; one that is not there shows nothing.
            onlooker: takes the last picture of each that there is, and all that follow.
        """
        self._onlookers += 1
        for name in cameras:
            if name not in self._channels:
                # a new dictionary: the service's thread may be looking into the old one
                self._channels = {**self._channels, name: Channel(name, service, asyncio.get_running_loop())}
            self._channels[name].join(onlooker)
        try:
            yield
        finally:
            self._onlookers -= 1
            for name in cameras:
                self._leave(name, onlooker)

    def _leave(self, name: str, onlooker: Onlooker) -> None:
        channel = self._channels[name]
        channel.leave(onlooker)
        if not channel.onlookers:
            self._channels = {other: kept for other, kept in self._channels.items() if other != name}
            # it waits for its thread
            asyncio.get_running_loop().run_in_executor(None, channel.close)


class Channel:
    """One camera that somebody looks at.

    Args:
        name: of the camera.
        service: knows how it is doing.
        loop: in which its onlookers are.

    Attributes:
        onlookers: at present; changed by the event loop only.
    """

    def __init__(self, name: str, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self._name = name
        self._service = service
        self._loop = loop
        self.onlookers: tuple[Onlooker, ...] = ()
        self._encoders: dict[Form, Encoder] = {}
        # several threads use these two, by operations that cannot be interrupted
        self._newcomers: deque[Form] = deque()
        self._slot: deque[tuple[FrameResult, Image | None]] = deque(maxlen=1)
        self._thread = Repeater(self._turn, name=f"live {name}")

    def join(self, onlooker: Onlooker) -> None:
        """Shows somebody the last picture, which may be old where the camera is lost, and all that follow."""
        self.onlookers = (*self.onlookers, onlooker)
        self._newcomers.append(onlooker.form)
        last = self._service.latest(self._name)
        if last is not None:
            self.show(last, None)

    def leave(self, onlooker: Onlooker) -> None:
        """Shows somebody no more."""
        self.onlookers = tuple(other for other in self.onlookers if other is not onlooker)

    def show(self, result: FrameResult, picture: Image | None) -> None:
        """Takes a result; one that is still waiting is passed over.

        Args:
            result: of this camera.
            picture: with the overlay, if somebody has drawn it already.
        """
        self._slot.append((result, picture))
        self._thread.wake()

    def close(self) -> None:
        """Ends the thread."""
        self._thread.close()

    def _turn(self) -> float:
        """Encodes what is in the slot, once per form."""
        if not self._slot:
            return _IDLE_SECONDS
        result, picture = self._slot.pop()
        newcomers = {self._newcomers.popleft() for _ in range(len(self._newcomers))}
        wanted = {onlooker.form for onlooker in self.onlookers}
        self._encoders = {form: self._encoders.get(form) or form.open() for form in wanted}
        image = self._draw(result) if picture is None else picture
        seconds = result.frame.pts_seconds
        encoded = {
            form: encoder.encode(image, seconds=seconds, is_first=form in newcomers)
            for form, encoder in self._encoders.items()
        }
        with suppress(RuntimeError):  # the loop has ended: nobody looks on any more
            self._loop.call_soon_threadsafe(self._hand_round, encoded)
        return _IDLE_SECONDS

    def _draw(self, result: FrameResult) -> Image:
        """As `maskcam watch` shows it."""
        status = self._service.cameras().get(self._name)
        if status is None:
            return draw(result)
        clock = time.strftime("%Y-%m-%d %H:%M:%S") if status.health.is_live else None
        return draw(result, fps=status.fps, clock=clock)

    def _hand_round(self, encoded: Mapping[Form, Any]) -> None:
        for onlooker in self.onlookers:
            if onlooker.form in encoded:  # others have come since it was encoded
                onlooker.put(self._name, encoded[onlooker.form])
