"""Errors as answers: one sentence, never what was sent, which may hold a password."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from maskcam.config_file import NoSuchCameraError
from maskcam.errors import InputError, MaskcamError, StoreUnavailableError
from maskcam.web.schemas import Problem

_log = logging.getLogger(__name__)

_UNAVAILABLE_SECONDS = "5"


def handle_problems(app: FastAPI) -> None:
    """Has an application answer errors."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(MaskcamError, _known)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unknown)


def problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse(Problem(error=sentence).model_dump(), status_code=status, headers=headers)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: these statuses come with a problem."""
    return {status: {"model": Problem} for status in statuses}


def is_page(request: Request) -> bool:
    """Whether a person looks at the answer, not a program."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 401 and is_page(request):
        return RedirectResponse("/login", status_code=303)
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem(422, f"{where}: {first['msg']}")


def _known(_request: Request, error: Exception) -> Response:
    if isinstance(error, NoSuchCameraError):
        return problem(404, str(error))
    if isinstance(error, InputError):
        return problem(422, str(error))
    if isinstance(error, StoreUnavailableError):
        return problem(503, str(error), {"Retry-After": _UNAVAILABLE_SECONDS})
    _log.error("a request failed: %s", error)
    return problem(503, str(error))


def _gone(_request: Request, _error: Exception) -> Response:
    """Nobody reads it any more; without it, a traceback would be logged for each."""
    return problem(400, "The request has broken off.")


def _unknown(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, f"An error of the program ({type(error).__name__}): see the log of the service.")
