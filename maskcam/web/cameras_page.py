"""The pages on which cameras are added, tested, changed and removed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from maskcam.camera_changes import cameras_of
from maskcam.web.auth import Viewer
from maskcam.web.context import Ctx
from maskcam.web.pages import page
from maskcam.web.roles import Principal, Role
from maskcam.web.schemas import Camera

router = APIRouter(include_in_schema=False)

Named = Annotated[str, Query(max_length=500)]


def refuse(request: Request, who: Principal, what: str) -> Response | None:
    """A page with one sentence for whoever may not see another; None for an admin."""
    if who.role.covers(Role.ADMIN):
        return None
    return page(request, "refused.html", status=403, who=who, what=what)


@router.get("/cameras")
def show_cameras(request: Request, context: Ctx, who: Viewer) -> Response:
    """All cameras, and a form to add one."""
    refused = refuse(request, who, "Cameras are added and changed")
    if refused is not None:
        return refused
    states = context.service.cameras()
    config = context.service.config
    cameras = [Camera.of(camera, states.get(name)) for name, camera in cameras_of(config).items()]
    return page(request, "cameras.html", who=who, cameras=cameras, violations=config.violations)


@router.get("/cameras/edit")
def edit_camera(request: Request, context: Ctx, who: Viewer, name: Named = "") -> Response:
    """The settings of one camera, with its picture to draw zones on."""
    refused = refuse(request, who, "Cameras are added and changed")
    if refused is not None:
        return refused
    config = context.service.config
    found = cameras_of(config).get(name)
    if found is None:
        raise HTTPException(404, f"There is no camera {name!r}: it may have been renamed or removed.")
    own = found.detector
    has_score = own is not None and "minimum_score" in own.model_fields_set
    return page(
        request,
        "camera.html",
        who=who,
        camera=Camera.of(found, context.service.cameras().get(name)),
        face_score=own.minimum_score if own is not None and has_score else config.detector.minimum_score,
        common=config.cameras,
    )
