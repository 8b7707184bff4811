"""Pages about violations: the gallery, and one violation."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from maskcam.camera_changes import cameras_of
from maskcam.errors import StoreError
from maskcam.web.api.events import EventId, Wanted, find_event
from maskcam.web.auth import Viewer
from maskcam.web.context import Ctx
from maskcam.web.pages import page
from maskcam.web.schemas import Event

router = APIRouter(include_in_schema=False)


@router.get("/violations")
def gallery(request: Request, context: Ctx, who: Viewer) -> Response:
    """All violations, by camera, time and what people made of them; a script fetches them."""
    sites: list[str] = []
    cameras = list(cameras_of(context.service.config))
    with suppress(StoreError):  # the script says so when it asks for violations
        sites = context.store.site_names()
        cameras += [name for name in context.store.cameras() if sites and name not in cameras]
    return page(request, "violations.html", who=who, cameras=cameras, sites=sites)


@router.get("/violations/{event_id}")
def violation(request: Request, context: Ctx, who: Viewer, event_id: EventId, query: Wanted) -> Response:
    """One violation, between its neighbours among those that were looked through."""
    try:
        stored = find_event(context, event_id)
    except HTTPException:
        return page(request, "violation_gone.html", status=404, who=who, event_id=event_id)
    newer = context.store.violations(query, newest_first=False, limit=1, after=stored)
    older = context.store.violations(query, limit=1, after=stored)
    return page(
        request,
        "violation.html",
        who=who,
        event=Event.of(stored),
        newer=newer[0].id if newer else None,
        older=older[0].id if older else None,
        query=request.url.query,
    )
