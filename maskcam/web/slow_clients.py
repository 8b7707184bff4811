"""Connections that would be held open for ever by a client that sends or reads a byte now and then."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 20.0
"""For a whole request to arrive."""
READ_SECONDS = 30.0
"""For a client to take some of what was sent: while it takes none, 64 KiB wait in memory for it."""


class ImpatientProtocol(H11Protocol):
    """Closes connections whose client is too slow; uvicorn itself waits for ever."""

    request_seconds = REQUEST_SECONDS
    read_seconds = READ_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._arriving, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expect(self) -> None:
        """One clock for a whole request: further bytes do not wind it up again."""
        if not self._is_arriving():
            if self._arriving is not None:
                self._arriving.cancel()
                self._arriving = None
        elif self._arriving is None:
            self._arriving = self.loop.call_later(self.request_seconds, self._give_up)

    def _is_arriving(self) -> bool:
        """Whether a request is due to go on: its body, its head, or on a new connection its first byte."""
        if self.conn.their_state is h11.SEND_BODY:
            return True
        has_begun = bool(self.conn.trailing_data[0]) or self.cycle is None
        return self.conn.their_state is h11.IDLE and has_begun

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
        else:
            self.transport.abort()
