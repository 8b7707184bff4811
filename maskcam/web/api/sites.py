"""Sites that forward to this one's event store."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException

from maskcam.store.sites import Site as StoredSite
from maskcam.web.auth import Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.problems import responses
from maskcam.web.schemas import Site

router = APIRouter(prefix="/sites", tags=["sites"], responses=responses(401, 403))


@router.get("")
def list_sites(context: Ctx, _who: Viewer) -> list[Site]:
    """All sites that ever reported, by name."""
    return [Site.of(site) for site in sites_now(context)]


def sites_now(context: Context) -> list[StoredSite]:
    """How the sites are doing; the day began at midnight by the server's zone.

    Raises:
        StoreError: the event store cannot be read.
    """
    now = datetime.now().astimezone()
    return context.store.sites(midnight=now.replace(hour=0, minute=0, second=0, microsecond=0))


def of_site(context: Context, site: str | None, cameras: tuple[str, ...]) -> tuple[str, ...]:
    """The cameras that are asked for, of those the ones at a site where one is named; none: all.

    Raises:
        HTTPException: 404, there is no such site, or none of these cameras is there.
    """
    if not site:
        return cameras
    known = context.store.site_cameras(site)
    found = tuple(name for name in known if not cameras or name in cameras)
    if not found:
        what = "none of these cameras is at" if known else "nothing was ever forwarded from"
        raise HTTPException(404, f"There is no answer, as {what} a site {site!r}: /api/v1/sites lists them.")
    return found
