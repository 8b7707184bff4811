"""The page of what the service runs on, what it keeps, and who may use it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from maskcam.about import networks, versions
from maskcam.errors import StoreError
from maskcam.feeds import FeedState
from maskcam.store.records import Totals
from maskcam.web.auth import Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.pages import page
from maskcam.web.roles import Role

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Storage:
    """What is kept.

    Attributes:
        kind: of the database.
        database_bytes: of it alone.
        totals: violations and their files.
        free_bytes: on the disk of pictures and clips; None where that cannot be said.
        keeps_bytes: how much of these may be kept; 0 is no limit.
    """

    kind: str
    database_bytes: int
    totals: Totals
    free_bytes: int | None
    keeps_bytes: int


@router.get("/system")
def show_system(request: Request, context: Ctx, who: Viewer) -> Response:
    """Device, networks, storage, health and versions; for admins tokens and sessions, too."""
    config = context.service.config
    storage, fault = None, None
    try:
        storage = _storage(context)
    except StoreError as error:
        fault = str(error)
    is_admin = who.role.covers(Role.ADMIN)
    cameras = context.service.cameras().values()
    return page(
        request,
        "system.html",
        who=who,
        config=config,
        networks=networks(config),
        versions=versions(),
        storage=storage,
        store_fault=fault,
        state=context.service.state,
        live=sum(camera.health.state is FeedState.LIVE for camera in cameras),
        cameras=len(cameras),
        backlogs=context.service.backlogs(),
        remote=context.service.remote_classifier(),
        roles=list(Role),
        tokens=context.accounts.tokens() if is_admin else [],
        sessions=context.accounts.sessions() if is_admin else [],
        size=size,
        moment=lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat(),
    )


def _storage(context: Context) -> Storage:
    store, config = context.store, context.service.config.store
    folder = store.media.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    return Storage(
        kind="PostgreSQL" if (config.url or "").startswith("postgres") else "SQLite",
        database_bytes=store.size_bytes(),
        totals=store.totals(),
        free_bytes=free,
        keeps_bytes=config.retention().keep_bytes,
    )


def size(number: float) -> str:
    """Bytes as people say them: 1536000 is 1.5 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
