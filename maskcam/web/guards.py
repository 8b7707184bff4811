"""What every request and answer passes before it meets the application."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskcam.config_serve import ServeConfig

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: browsers would then send forms with `Origin: null`
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """Tells browsers to run nothing that is not ours; whatever is not said to be cacheable is not to be kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_guarded if scope["type"] == "http" else send)


class HostGuard:
    """Refuses requests under a foreign name while only this machine is served.

    Otherwise a page on the internet could give its own name the address 127.0.0.1 ("DNS rebinding"), and so pass for a
    page of ours.

    Args:
        app: what comes next.
        serve: where it listens.
    """

    def __init__(self, app: ASGIApp, *, serve: ServeConfig) -> None:
        self._app = app
        ours = {"localhost", "127.0.0.1", "::1", serve.host.strip("[]")}
        self._allowed = {name.lower() for name in ours | set(serve.hosts)} if serve.is_local else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._allowed is not None:
            host = _name_of(Headers(scope=scope).get("host", ""))
            if host not in self._allowed:
                error = "maskcam does not answer under this host name: add it to [serve] hosts."
                await JSONResponse({"error": error}, status_code=421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name_of(host: str) -> str:
    """A Host header without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
