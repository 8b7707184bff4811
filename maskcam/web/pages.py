"""Pages for people: logging in and out, the start page, and the list of what the API can do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.templating import Jinja2Templates

from maskcam import __version__
from maskcam.camera_changes import cameras_of
from maskcam.errors import StoreError
from maskcam.web.auth import LINKED, Viewer, check_origin, find_principal, is_csrf_token, is_key
from maskcam.web.context import Context, Ctx, context_of
from maskcam.web.live.peers import has_webrtc
from maskcam.web.login_limit import LoginLimit
from maskcam.web.roles import Principal, Role
from maskcam.web.schemas import Camera

router = APIRouter(include_in_schema=False)

_templates = Jinja2Templates(Path(__file__).parent / "templates")
FormText = Annotated[str, Form(max_length=1000)]


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401  of any template
    """Draws a template; see `maskcam.web` for what every template is given."""
    who: Principal | None = values.pop("who", None)
    given = {
        "who": who,
        "csrf": who.csrf if who is not None else None,
        "version": __version__,
        "has_sites": who is not None and _has_sites(context_of(request)),
    }
    return _templates.TemplateResponse(request, name, given | values, status_code=status)


@router.get("/")
def home(request: Request, context: Ctx, who: Viewer) -> Response:
    """The start page."""
    states = context.service.cameras()
    cameras = [
        Camera.of(config, states.get(name)) for name, config in cameras_of(context.service.config).items()
    ]
    return page(request, "home.html", who=who, cameras=cameras, webrtc=has_webrtc())


@router.get("/login")
def show_login(request: Request, context: Ctx, key: str = "") -> Response:
    """The form; or with the key of the printed link, straight in."""
    if is_key(context, key):
        secret = context.accounts.begin_session(
            LINKED, Role.ADMIN, hours=context.serve.session_hours, is_linked=True
        )
        return _logged_in(request, context, secret)
    if find_principal(request) is not None:
        return RedirectResponse("/", status_code=303)
    # with a key there may be passwords all the same: of users that were added since it started
    return page(request, "login.html", has_password=context.accounts.has_password())


@router.post("/login")
async def log_in(request: Request, context: Ctx, user: FormText, password: FormText) -> Response:
    """Checks a password, a few times at most."""
    check_origin(request)
    limit: LoginLimit = request.app.state.login_limit
    address = request.client.host if request.client is not None else "unknown"
    wait_seconds = limit.wait_seconds(address, user)
    if wait_seconds > 0:
        seconds = math.ceil(wait_seconds)
        response = page(request, "login.html", status=429, has_password=True, wait_seconds=seconds)
        response.headers["Retry-After"] = str(seconds)
        return response
    async with request.app.state.hashing:
        role = await run_in_threadpool(context.accounts.check, user, password)
    if role is None:
        return page(request, "login.html", status=401, has_password=True, is_wrong=True)
    limit.succeeded(address, user)
    secret = await run_in_threadpool(
        context.accounts.begin_session, user, role, hours=context.serve.session_hours
    )
    return _logged_in(request, context, secret)


@router.post("/logout")
def log_out(request: Request, context: Ctx, who: Viewer, csrf: FormText) -> Response:
    """Ends the session."""
    if not is_csrf_token(who, csrf):
        raise HTTPException(403, "This form is out of date: reload the page.")
    context.accounts.end_session(request.cookies.get(context.cookie, ""))
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(context.cookie)
    return response


@router.get("/api/docs")
def api_docs(request: Request, who: Viewer) -> Response:
    """What the API can do, as a plain page: Swagger's would need scripts from elsewhere."""
    paths = request.app.openapi()["paths"]
    return page(request, "docs.html", who=who, paths=paths)


@router.get("/api/openapi.json")
def openapi(request: Request, _who: Viewer) -> dict[str, Any]:
    """The same for programs."""
    schema: dict[str, Any] = request.app.openapi()
    return schema


def _has_sites(context: Context) -> bool:
    """Whether others forward to this event store; few stores are of many sites, and the others need no page of them."""
    try:
        return bool(context.store.site_names())
    except StoreError:
        return False


def _logged_in(request: Request, context: Context, secret: str) -> Response:
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        context.cookie,
        secret,
        max_age=round(3600 * context.serve.session_hours),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response
