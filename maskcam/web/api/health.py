"""Is the service alive, is it of use, and its figures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from maskcam.errors import MaskcamError, StoreError
from maskcam.web.auth import Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.metrics import exposition
from maskcam.web.problems import responses

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Whether it does its work; says nothing about cameras by name, as anybody may ask."""

    ready: bool
    store: bool
    pipeline: bool
    cameras: bool
    classifier: Literal["here", "server", "fallback"] = Field(
        "here",
        description="who judges faces: this machine, the model server, or this machine while that does not answer",
    )


@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready}})
def readyz(context: Ctx, response: Response) -> Ready:
    """The store answers, frames are judged, and a camera gives pictures or may yet."""
    store, pipeline = _has_store(context), context.service.state.is_running
    states = [camera.health.state for camera in context.service.cameras().values()]
    # without any camera there is nothing amiss: the first one may be added on the page
    cameras = not states or any(not state.is_final for state in states)
    is_ready = store and pipeline and cameras
    response.status_code = 200 if is_ready else 503
    return Ready(
        ready=is_ready, store=store, pipeline=pipeline, cameras=cameras, classifier=_who_judges(context)
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **responses(401, 403)},
)
def metrics(context: Ctx, _who: Viewer) -> Response:
    """Figures for Prometheus, which logs in with an API token (`authorization: credentials_file`)."""
    try:
        sites = context.store.sites_heard()
    except StoreError:
        sites = []  # the figures of the service are of use without
    return Response(exposition(context.service, sites), media_type="text/plain; version=0.0.4; charset=utf-8")


def _who_judges(context: Context) -> Literal["here", "server", "fallback"]:
    remote = context.service.remote_classifier()
    if remote is None:
        return "here"
    return "server" if remote.is_up else "fallback"


def _has_store(context: Context) -> bool:
    try:
        context.store.cameras()
    except MaskcamError:
        return False
    return True
