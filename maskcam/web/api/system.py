"""Settings as far as they may be seen, reloading, and the stream of live updates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from maskcam.config import Config
from maskcam.web.auth import Admin, Viewer, find_principal
from maskcam.web.context import Context, Ctx
from maskcam.web.events_stream import Stream
from maskcam.web.problems import responses
from maskcam.web.schemas import ChangesMade, ViolationSettings

router = APIRouter(responses=responses(401, 403))

_SEEN = ("tracker", "voting", "violations", "privacy")
"""Sections without any secret, shown as they are."""
_CHECK_AFTER = 30
"""Numbers after which it is asked again whether the listener may still listen: once in half a minute."""


@router.get("/settings", tags=["system"])
def get_settings(context: Ctx, _who: Viewer) -> dict[str, Any]:
    """What may be seen of the settings: no addresses of receivers, no paths, no secrets."""
    return visible_settings(context.service.config, context)


@router.put("/settings/violations", tags=["system"], responses=responses(422, 503))
def set_violations(context: Ctx, _who: Admin, wanted: ViolationSettings) -> ChangesMade:
    """Changes when something is a violation, in the configuration file too; all cameras start anew."""
    settings = wanted.model_dump(exclude_none=True)
    return ChangesMade.of(context.config_file.change_section(context.service, "violations", settings))


@router.post("/reload", tags=["system"], responses=responses(422, 503))
def reload(context: Ctx, _who: Admin) -> ChangesMade:
    """Reads the configuration file anew; what is not valid is refused, and everything goes on as before."""
    return ChangesMade.of(context.config_file.reload(context.service))


def find_stream(request: Request, _who: Viewer) -> Stream:
    """The stream, while there is room for one more listener.

    Raises:
        HTTPException: 503, there is none.
    """
    stream: Stream = request.app.state.stream
    if stream.is_full:
        raise HTTPException(503, "Too many listen already: try again later.", headers={"Retry-After": "30"})
    return stream


@router.get("/stream", tags=["stream"], response_class=EventSourceResponse, responses=responses(503))
async def listen(
    request: Request, news: Annotated[Stream, Depends(find_stream)]
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `numbers` every second, `camera` and `violation` when something changes."""
    count = 0
    async for name, data in news.news():
        count += name == "numbers"
        if count > _CHECK_AFTER:
            count = 0
            if await run_in_threadpool(find_principal, request) is None:
                return
        yield ServerSentEvent(event=name, data=data)


def visible_settings(config: Config, context: Context) -> dict[str, Any]:
    """A list of what is shown, so that a new setting is hidden until somebody thinks about it."""
    seen = {name: getattr(config, name).model_dump(mode="json") for name in _SEEN}
    store = config.store
    return {
        "device": config.device,
        "detector": config.detector.model_dump(
            mode="json", include={"kind", "size", "minimum_score", "thorough"}
        ),
        "classifier": config.classifier.model_dump(mode="json", include={"thorough"}),
        **seen,
        "store": {
            "kind": "postgresql" if urlsplit(store.url or "").scheme.startswith("postgres") else "sqlite",
            **store.model_dump(
                mode="json", include={"pictures", "keep_days", "keep_gigabytes", "keep_counts_days"}
            ),
        },
        "alerts": {"mqtt": config.mqtt is not None, "webhooks": len(config.webhook)},
        "can_log_in_with_password": context.key is None,
    }
