"""The page of sites that forward to this one."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from maskcam.store.sites import SILENT_SECONDS
from maskcam.web.api.sites import sites_now
from maskcam.web.auth import Viewer
from maskcam.web.context import Ctx
from maskcam.web.pages import page
from maskcam.web.schemas import Site

router = APIRouter(include_in_schema=False)


@router.get("/sites")
def show_sites(request: Request, context: Ctx, who: Viewer) -> Response:
    """How every site is doing, and what happened there."""
    sites = [Site.of(site) for site in sites_now(context)]
    return page(request, "sites.html", who=who, sites=sites, silent_seconds=round(SILENT_SECONDS))
