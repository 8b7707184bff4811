"""The application: everything under one roof."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from maskcam import __version__
from maskcam.web import cameras_page, gallery, pages, sites_page, statistics_page, system_page, systemd
from maskcam.web.api import accounts, cameras, events, health, sites, statistics, system, whatif
from maskcam.web.context import Context
from maskcam.web.events_stream import Stream
from maskcam.web.guards import HostGuard, SecurityHeaders
from maskcam.web.live import routes as live_routes
from maskcam.web.live.hub import LiveHub
from maskcam.web.live.peers import Peers
from maskcam.web.login_limit import LoginLimit
from maskcam.web.problems import handle_problems

MOST_BODY_BYTES = 256 * 1024
_HASHES_AT_ONCE = 2
"""Passwords checked at the same time: each takes 64 MiB and a core, which the cameras need as well."""
_PROBES_AT_ONCE = 2
"""Cameras tested at the same time, each for seconds."""


def create_app(context: Context, live: LiveHub) -> FastAPI:
    """Makes the application.

    Args:
        context: whoever makes it closes it.
        live: a tap of the context's service.
    """
    stream = Stream(context.service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stream.open()
        async with systemd.told(context.service, os.environ):
            yield
        app.state.closing.set()
        stream.close()

    app = FastAPI(
        title="maskcam",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # served by maskcam.web.pages, to those who are logged in
        lifespan=lifespan,
        max_body_size=MOST_BODY_BYTES,
    )
    app.state.context = context
    app.state.stream = stream
    app.state.live = live
    app.state.closing = asyncio.Event()
    app.state.peers = Peers(live, app.state.closing)
    app.state.tracks = whatif.TrackCache()
    app.state.login_limit = LoginLimit()
    app.state.probing = asyncio.Semaphore(_PROBES_AT_ONCE)
    app.state.hashing = asyncio.Semaphore(_HASHES_AT_ONCE)
    handle_problems(app)
    api = APIRouter(prefix="/api/v1")
    for part in (events, live_routes, cameras, statistics, whatif, sites, system, accounts):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.include_router(statistics_page.router)
    app.include_router(cameras_page.router)
    app.include_router(sites_page.router)
    app.include_router(system_page.router)
    app.include_router(gallery.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(HostGuard, serve=context.serve)
    app.add_middleware(SecurityHeaders)
    return app
