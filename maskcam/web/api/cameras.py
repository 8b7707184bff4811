"""Cameras: how they are doing, what they see, and how they are set up."""

from __future__ import annotations

import dataclasses
import os
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maskcam.camera_changes import cameras_of
from maskcam.config_file import NoSuchCameraError, check_source
from maskcam.config_sections import CameraConfig
from maskcam.errors import SourceError
from maskcam.overlay import draw
from maskcam.probing.advice import advise
from maskcam.probing.probe import probe
from maskcam.probing.report import SourceReport, Transport
from maskcam.sources.urls import fill_in
from maskcam.types import FrameResult
from maskcam.web.auth import Admin, Operator, Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.problems import responses
from maskcam.web.schemas import AnyCamera, Camera, CameraPatch, CameraProbe, ChangesMade, Faces, NewCamera

router = APIRouter(prefix="/cameras", tags=["cameras"], responses=responses(401, 403))

Named = Annotated[AnyCamera, Path()]
_QUALITY = 85
_PLACES = {"face_score": "detector.minimum_score"}


@router.get("")
def list_cameras(context: Ctx, _who: Viewer) -> list[Camera]:
    """All cameras."""
    states = context.service.cameras()
    return [
        Camera.of(config, states.get(name)) for name, config in cameras_of(context.service.config).items()
    ]


@router.post("", status_code=201, responses=responses(422, 503))
def create_camera(context: Ctx, _who: Admin, camera: NewCamera) -> Camera:
    """Adds a camera, in the configuration file too."""
    settings = {"name": camera.name, "source": camera.source} | _given(camera)
    context.config_file.add_camera(context.service, settings)
    return _camera(context, camera.name)


@router.post("/probe", responses=responses(422, 429, 502))
async def probe_any(request: Request, _who: Admin, wanted: CameraProbe) -> dict[str, Any]:
    """Tests a camera that is not among the cameras yet, as `maskcam doctor` does."""
    check_source(wanted.source)
    return await _probe(request, wanted.source, wanted.transport, wanted.seconds)


@router.get(
    "/{name:path}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **responses(404, 503)},
)
def get_picture(
    context: Ctx,
    _who: Viewer,
    name: Named,
    overlay: Annotated[
        bool, Field(description="with boxes and zones, or plain for drawing zones on it")
    ] = True,
) -> Response:
    """The last picture that was judged, as JPEG; faces that are to be unrecognisable are so."""
    _config(context, name)
    result = _latest(context, name)
    image = draw(result) if overlay else result.frame.image
    is_fine, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert is_fine
    return Response(data.tobytes(), media_type="image/jpeg")


@router.get("/{name:path}/faces", responses=responses(404, 503))
def get_faces(context: Ctx, _who: Viewer, name: Named) -> Faces:
    """The faces in the last picture that was judged."""
    _config(context, name)
    return Faces.of(_latest(context, name))


@router.post("/{name:path}/probe", responses=responses(404, 429, 502))
async def probe_camera(
    request: Request,
    context: Ctx,
    _who: Operator,
    name: Named,
    seconds: Annotated[float, Query(ge=1, le=20)] = 5.0,
) -> dict[str, Any]:
    """Tests a camera as `maskcam doctor` does, over a connection of its own."""
    config = _config(context, name)
    return await _probe(request, fill_in(config.source, os.environ), config.transport, seconds)


@router.get("/{name:path}", responses=responses(404))
def get_camera(context: Ctx, _who: Viewer, name: Named) -> Camera:
    """One camera."""
    return _camera(context, name)


@router.put("/{name:path}", responses=responses(404, 422, 503))
def update_camera(context: Ctx, _who: Admin, name: Named, patch: CameraPatch) -> ChangesMade:
    """Changes settings of a camera, in the configuration file too; what is left out stays."""
    for key in ("name", "source"):
        if key in patch.model_fields_set and getattr(patch, key) is None:
            raise HTTPException(422, f"{key}: a camera cannot do without; leave it out to keep it.")
    return ChangesMade.of(context.config_file.change_camera(context.service, name, _given(patch)))


@router.delete("/{name:path}", responses=responses(404, 503))
def delete_camera(context: Ctx, _who: Admin, name: Named) -> ChangesMade:
    """Watches a camera no longer, and takes it out of the configuration file; its events stay."""
    return ChangesMade.of(context.config_file.remove_camera(context.service, name))


def _config(context: Context, name: str) -> CameraConfig:
    config = cameras_of(context.service.config).get(name)
    if config is None:
        raise NoSuchCameraError(f"there is no camera {name!r}")
    return config


def _latest(context: Context, name: str) -> FrameResult:
    result = context.service.latest(name)
    if result is None:
        raise HTTPException(503, f"{name} has not given a picture yet.", headers={"Retry-After": "1"})
    return result


def _camera(context: Context, name: str) -> Camera:
    return Camera.of(_config(context, name), context.service.cameras().get(name))


def _given(patch: CameraPatch) -> dict[str, Any]:
    """What was set, by the names that it has in the configuration."""
    return {
        _PLACES.get(key, key): value
        for key, value in patch.model_dump(mode="json").items()
        if key in patch.model_fields_set
    }


async def _probe(request: Request, spec: str, transport: Transport, seconds: float) -> dict[str, Any]:
    """What a camera gives, and what to change; no faces are looked for, since the detector is busy with the cameras."""
    if request.app.state.probing.locked():
        raise HTTPException(
            429, "Other cameras are being tested: wait for them.", headers={"Retry-After": "20"}
        )
    async with request.app.state.probing:
        try:
            report: SourceReport = await run_in_threadpool(probe, spec, seconds=seconds, transport=transport)
        except SourceError as error:
            raise HTTPException(502, str(error)) from error
    return {**dataclasses.asdict(report), "advice": list(advise(report))}
