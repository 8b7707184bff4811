"""Serves the application until somebody stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from maskcam.config_serve import ServeConfig
from maskcam.errors import ConfigError, MaskcamError
from maskcam.web.slow_clients import ImpatientProtocol

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 1000
_GOODBYE_SECONDS = 2
"""For requests that are under way when it ends."""


def listen(serve: ServeConfig) -> socket.socket:
    """A socket at the configured address, so that a wrong one is an error before anything starts.

    Raises:
        ConfigError: it cannot be used.
    """
    host = serve.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, serve.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"cannot listen on {serve.host} port {serve.port} ({words}): choose another with --host and --port"
        ) from error
    return listener


def run(
    app: FastAPI,
    listener: socket.socket,
    *,
    serve: ServeConfig,
    reload: Callable[[], object],
    started: Callable[[], None],
) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        app: what to serve.
        listener: where.
        serve: which proxies are believed.
        reload: called at SIGHUP, in another thread.
        started: called once it answers.
    """
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,  # addresses of people, and queries
        server_header=False,
        proxy_headers=bool(serve.trusted_proxies),
        forwarded_allow_ips=list(serve.trusted_proxies),
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
        h11_max_incomplete_event_size=32 * 1024,
    )
    before = signal.getsignal(signal.SIGTERM)
    try:
        asyncio.run(_Server(config, app, reload, started).serve([listener]))
    finally:
        # asyncio leaves the one that ends a program at once: a second SIGTERM must not keep violations from being ended
        signal.signal(signal.SIGTERM, before)


class _Server(uvicorn.Server):
    """Ends at the first signal, at once at the second, and sends those away who would listen for ever."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        reload: Callable[[], object],
        started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._app = app
        self._reload = reload
        self._tell_started = started
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._begin_reload)
        yield  # asyncio takes its handlers back when the loop ends

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._tell_started()

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._app.state.closing.set()
        self._app.state.stream.close()

    def _begin_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reload_now())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload_now(self) -> None:
        try:
            changes = await asyncio.to_thread(self._reload)
        except MaskcamError as error:
            _log.error("the configuration stays as it was: %s", error)
        else:
            _log.info("configuration read anew: %s", changes)
