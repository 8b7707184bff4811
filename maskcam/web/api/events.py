"""Violations: lists, pictures, clips, and what people make of them."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from fastapi.responses import FileResponse

from maskcam.store.records import Position, StoredViolation, ViolationQuery
from maskcam.types import MaskStatus
from maskcam.web.api.sites import of_site
from maskcam.web.auth import Admin, Operator, Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.problems import responses
from maskcam.web.schemas import AnyCamera, Event, EventPage, EventPatch, SiteName

router = APIRouter(prefix="/events", tags=["events"], responses=responses(401, 403))

EventId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_MEDIA = {200: {"content": {"image/jpeg": {}}}, **responses(404)}
_CLIP = {200: {"content": {"video/mp4": {}}}, 206: {"content": {"video/mp4": {}}}, **responses(404, 416)}


def find_query(
    context: Ctx,
    since: Annotated[datetime | None, Query(description="started then or later; without a zone: UTC")] = None,
    until: Annotated[datetime | None, Query(description="started before")] = None,
    camera: Annotated[list[AnyCamera] | None, Query(description="at one of these", max_length=100)] = None,
    site: Annotated[SiteName | None, Query(description="at one of the cameras of this site")] = None,
    status: Annotated[list[Literal["no_mask", "incorrect"]] | None, Query(max_length=10)] = None,
    is_protected: bool | None = None,
    is_false_alarm: bool | None = None,
    is_open: Annotated[bool | None, Query(description="those that still go on only, or others only")] = None,
) -> ViolationQuery:
    """Which events are wanted."""
    return ViolationQuery(
        since=_aware(since),
        until=_aware(until),
        cameras=of_site(context, site, tuple(camera or ())),
        statuses=tuple(MaskStatus(text) for text in status or ()),
        is_protected=is_protected,
        is_false_alarm=is_false_alarm,
        is_open=is_open,
    )


Wanted = Annotated[ViolationQuery, Depends(find_query)]


@router.get("", responses=responses(404, 422))
def list_events(
    context: Ctx,
    _who: Viewer,
    query: Wanted,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before")
    ] = None,
) -> EventPage:
    """Events, newest first."""
    after = None if cursor is None else decode_cursor(cursor)
    found = context.store.violations(query, limit=limit + 1, after=after)
    page, has_more = found[:limit], len(found) > limit
    return EventPage(
        events=[Event.of(stored) for stored in page],
        next_cursor=encode_cursor(page[-1]) if has_more else None,
    )


@router.get("/{event_id}", responses=responses(404))
def get_event(context: Ctx, _who: Viewer, event_id: EventId) -> Event:
    """One event."""
    return Event.of(find_event(context, event_id))


@router.get("/{event_id}/snapshot", responses=_MEDIA, response_class=FileResponse)
def get_snapshot(context: Ctx, _who: Viewer, event_id: EventId) -> FileResponse:
    """The best view, with the overlay."""
    pictures = find_event(context, event_id).pictures
    return _file(context, None if pictures is None else pictures.frame, "image/jpeg")


@router.get("/{event_id}/face", responses=_MEDIA, response_class=FileResponse)
def get_face(context: Ctx, _who: Viewer, event_id: EventId) -> FileResponse:
    """The face of the best view."""
    pictures = find_event(context, event_id).pictures
    return _file(context, None if pictures is None else pictures.face, "image/jpeg")


@router.get("/{event_id}/clip", responses=_CLIP, response_class=FileResponse)
def get_clip(context: Ctx, _who: Viewer, event_id: EventId) -> FileResponse:
    """The clip; players may ask for parts of it (Range)."""
    clip = find_event(context, event_id).clip
    return _file(context, None if clip is None else clip.name, "video/mp4")


@router.patch("/{event_id}", responses=responses(404))
def patch_event(context: Ctx, _who: Operator, event_id: EventId, patch: EventPatch) -> Event:
    """Notes what people make of an event."""
    find_event(context, event_id)
    if patch.is_protected is not None:
        context.store.protect(event_id, on=patch.is_protected)
    if patch.is_false_alarm is not None:
        context.store.mark_false_alarm(event_id, on=patch.is_false_alarm)
    return Event.of(find_event(context, event_id))


@router.delete("/{event_id}", status_code=204, responses=responses(404))
def delete_event(context: Ctx, _who: Admin, event_id: EventId) -> Response:
    """Removes an event with its pictures and clip, a protected one too."""
    if not context.store.delete([event_id]):
        raise HTTPException(404, f"There is no event {event_id}.")
    return Response(status_code=204)


def encode_cursor(last: StoredViolation) -> str:
    """Where a page ends: still a place in the order when that event has been deleted."""
    return base64.urlsafe_b64encode(f"{last.started_at.isoformat()} {last.id}".encode()).decode()


def decode_cursor(cursor: str) -> Position:
    """Where the page before has ended.

    Raises:
        HTTPException: 422, it is none of ours.
    """
    try:
        started, _, number = base64.urlsafe_b64decode(cursor).decode().rpartition(" ")
        started_at = datetime.fromisoformat(started)
        position = Position(started_at.astimezone(UTC), int(number))
    except (ValueError, OverflowError, binascii.Error):
        raise HTTPException(422, "The cursor is none that this API has given: leave it out.") from None
    if started_at.tzinfo is None or not 0 <= position.id < 2**63:
        raise HTTPException(422, "The cursor is none that this API has given: leave it out.")
    return position


def find_event(context: Context, event_id: int) -> StoredViolation:
    """An event.

    Raises:
        HTTPException: 404, there is none of that number.
    """
    stored = context.store.get(event_id)
    if stored is None:
        raise HTTPException(404, f"There is no event {event_id}.")
    return stored


def _file(context: Context, name: str | None, media_type: str) -> FileResponse:
    """A file of an event. Its name comes from the store, never from a request, and cannot lead out of the folder."""
    try:
        path = None if name is None else context.store.media.path(name)
    except ValueError:  # somebody else has written that row
        path = None
    if path is None or not path.is_file():
        raise HTTPException(404, "Nothing of the kind is kept of this event.")
    # the best view may be replaced by a better one while the event goes on
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "private, no-cache"})


def _aware(when: datetime | None) -> datetime | None:
    """With a zone; and within a day of what databases and zones can bear."""
    if when is None:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if not 1970 <= when.year <= 9998:
        raise HTTPException(422, "A time lies between the years 1970 and 9998.")
    return when.astimezone(UTC)
