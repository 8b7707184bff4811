"""Live pictures over HTTP, and the way to those by WebRTC.

A browser keeps six connections to a server at most, so a page with many cameras takes all of them over one: `/live`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from maskcam.camera_changes import cameras_of
from maskcam.config_file import NoSuchCameraError
from maskcam.web.auth import Viewer, find_principal
from maskcam.web.context import Context, Ctx
from maskcam.web.live.hub import LiveHub
from maskcam.web.live.jpeg import JpegForm, PictureOnlooker
from maskcam.web.live.peers import Peers, has_webrtc
from maskcam.web.problems import responses
from maskcam.web.schemas import AnyCamera, Strict

router = APIRouter(tags=["live"], responses=responses(401, 403, 404, 503))

Width = Annotated[
    int | None,
    Query(ge=16, le=8192, description="pixels; rounded up to 320, 640, 1280 or the camera's own"),
]
Quality = Annotated[int, Query(ge=1, le=100, description="of the JPEGs; rounded up to 55, 75 or 90")]
_CHECK_SECONDS = 30.0
"""After which it is asked again whether somebody may still look on."""
_BOUNDARY = "maskcam-picture"
_MJPEG = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"multipart/x-mixed-replace": {}}, "description": "JPEGs without end"}
}


@router.get("/cameras/{name:path}/live.mjpeg", response_class=StreamingResponse, responses=_DOCUMENTED)
async def live_camera(
    request: Request,
    context: Ctx,
    _who: Viewer,
    name: Annotated[AnyCamera, Path()],
    width: Width = None,
    quality: Quality = 75,
) -> StreamingResponse:
    """What one camera sees, as MJPEG; whoever reads slowly gets fewer pictures, and always the newest."""
    return _stream(request, context, [name], JpegForm.of(width, quality))


@router.get("/live", response_class=StreamingResponse, responses=_DOCUMENTED)
async def live_cameras(
    request: Request,
    context: Ctx,
    _who: Viewer,
    camera: Annotated[list[AnyCamera], Query(min_length=1, max_length=100)],
    width: Width = 640,
    quality: Quality = 75,
) -> StreamingResponse:
    """What some cameras see, over one connection: each picture has its camera's name, percent-encoded, as X-Camera.

    Cameras that are not there, or no more, show nothing.
    """
    return _stream(request, context, list(dict.fromkeys(camera)), JpegForm.of(width, quality))


class Offer(Strict):
    """What a browser proposes: `RTCPeerConnection.createOffer()`, with its addresses gathered."""

    sdp: str = Field(min_length=1, max_length=50_000)


class Answer(BaseModel):
    """For `setRemoteDescription({type: "answer", sdp})`."""

    sdp: str


@router.post("/cameras/{name:path}/offer", responses=responses(422, 501))
async def offer(
    request: Request, context: Ctx, _who: Viewer, name: Annotated[AnyCamera, Path()], wanted: Offer
) -> Answer:
    """What one camera sees, by WebRTC: H.264, at most 1280 pixels wide; encoded once for all who look on."""
    if name not in cameras_of(context.service.config):
        raise NoSuchCameraError(f"there is no camera {name!r}")
    if not has_webrtc():
        raise HTTPException(501, "WebRTC needs aiortc, which is not installed: use live.mjpeg.")
    _room(request)

    async def may_stay() -> bool:
        return await run_in_threadpool(find_principal, request) is not None

    peers: Peers = request.app.state.peers
    said = await peers.answer(
        wanted.sdp, service=context.service, camera=name, host=context.serve.host, may_stay=may_stay
    )
    return Answer(sdp=said)


def _room(request: Request) -> LiveHub:
    """The hub, while there is room for one more.

    Raises:
        HTTPException: 503, there is none.
    """
    hub: LiveHub = request.app.state.live
    if hub.is_full:
        raise HTTPException(503, "Too many look on already: try again later.", headers={"Retry-After": "30"})
    return hub


def _stream(request: Request, context: Context, cameras: Sequence[str], form: JpegForm) -> StreamingResponse:
    known = cameras_of(context.service.config)
    there = [name for name in cameras if name in known]
    if not there:
        raise NoSuchCameraError(f"there is no camera {cameras[0]!r}")
    parts = _parts(request, context, _room(request), there, form)
    return StreamingResponse(parts, media_type=_MJPEG)


async def _parts(
    request: Request, context: Context, hub: LiveHub, cameras: Sequence[str], form: JpegForm
) -> AsyncIterator[bytes]:
    """Until the program ends, or the session does; whoever hangs up cancels it."""
    onlooker = PictureOnlooker(form)
    check_at = time.monotonic() + _CHECK_SECONDS
    with hub.watching(context.service, cameras, onlooker):
        yield f"--{_BOUNDARY}".encode()
        async for item in onlooker.pictures():
            if request.app.state.closing.is_set():
                return
            if time.monotonic() > check_at:
                check_at = time.monotonic() + _CHECK_SECONDS
                if await run_in_threadpool(find_principal, request) is None:
                    return
            if item is not None:
                name, jpeg = item
                # the line that ends a picture goes along with it: browsers show it only then
                yield _head(name, len(jpeg)) + jpeg + f"\r\n--{_BOUNDARY}".encode()


def _head(name: str, size_bytes: int) -> bytes:
    return (
        f"\r\nContent-Type: image/jpeg\r\nContent-Length: {size_bytes}\r\nX-Camera: {quote(name, safe='')}\r\n\r\n"
    ).encode()
