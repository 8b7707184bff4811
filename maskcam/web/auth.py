"""Who is asking, and whether that may be.

Browsers have a session in a cookie that other sites cannot use (SameSite=Strict) and no script can read (HttpOnly).
Ports do not make another site, so whatever changes something must also come from a page of ours, by the browser's own
word (Sec-Fetch-Site, or Origin), and forms have to bring along a token of the session. Programs have a bearer token.

Without any password, on this machine only, a link with a random key is printed at the start, as Jupyter does: whoever
can read the terminal may use the dashboard, other users of the machine and pages in a browser may not. The key works as
a bearer token, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from maskcam.web.context import Context, context_of
from maskcam.web.roles import Principal, Role

LINKED = "link"
"""Name of whoever came by the printed link."""
_SAFE = ("GET", "HEAD", "OPTIONS")


def find_principal(request: Request) -> Principal | None:
    """Whoever sends a request, by its token or its session."""
    context = context_of(request)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(context, secret.strip())
    cookie = request.cookies.get(context.cookie)
    return context.accounts.session(cookie) if cookie else None


def check_origin(request: Request) -> None:
    """Makes sure that a request that changes something comes from a page of ours.

    Raises:
        HTTPException: 403, it does not, or the browser does not say.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        # the host alone: a proxy in between may speak https to the browser and http to us
        is_ours = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours:
        raise HTTPException(403, "This request does not come from a page of maskcam: reload the page.")


def require(role: Role) -> Callable[[Request], Principal]:
    """A dependency that lets only those through who may do what a role may."""

    def check(request: Request) -> Principal:
        principal = find_principal(request)
        if principal is None:
            raise HTTPException(
                401,
                "Log in first, or send an API token as `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if principal.csrf is not None:
            check_origin(request)
        if not principal.role.covers(role):
            raise HTTPException(
                403, f"This takes the role {role.value}, {principal.name} is {principal.role.value}."
            )
        return principal

    return check


def is_csrf_token(principal: Principal, token: str) -> bool:
    """Whether a form of that session has sent its token."""
    return principal.csrf is not None and hmac.compare_digest(principal.csrf.encode(), token.encode())


def is_key(context: Context, text: str) -> bool:
    """Whether that is the key of the printed link."""
    return context.key is not None and hmac.compare_digest(context.key.encode(), text.encode())


def _bearer(context: Context, secret: str) -> Principal | None:
    if is_key(context, secret):
        return Principal(LINKED, Role.ADMIN)
    return context.accounts.token(secret)


Viewer = Annotated[Principal, Depends(require(Role.VIEWER))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
