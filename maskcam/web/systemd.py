"""Tells systemd that the service is ready, and again and again that it still does its work.

See sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names; WATCHDOG_USEC says how long systemd waits for the
next.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from maskcam.service import Service

_log = logging.getLogger(__name__)


@asynccontextmanager
async def told(service: Service, environ: Mapping[str, str]) -> AsyncIterator[None]:
    """Keeps systemd informed, where it started this process and wants to know.

    Args:
        service: a thread of it that hangs is what systemd ends and starts anew; faults it overcomes by itself.
        environ: the environment.
    """
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        yield
        return
    _tell(address, "READY=1")
    watchdog = asyncio.create_task(_report(service, address, float(environ.get("WATCHDOG_USEC") or 0) / 1e6))
    try:
        yield
    finally:
        watchdog.cancel()
        with suppress(asyncio.CancelledError):
            await watchdog
        _tell(address, "STOPPING=1")


async def _report(service: Service, address: str, patience_seconds: float) -> None:
    while patience_seconds > 0:
        state = service.state
        is_hanging = bool(state.run_id) and not state.is_running
        if not is_hanging:
            _tell(address, "WATCHDOG=1")
        await asyncio.sleep(patience_seconds / 3)


def _tell(address: str, state: str) -> None:
    name = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as messenger:
            messenger.setblocking(False)  # nobody who does not listen may hold up the web side
            messenger.connect(name)
            messenger.send(state.encode())
    except OSError as error:
        _log.warning("systemd was not told %s: %s", state, error)
