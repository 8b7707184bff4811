"""How many violations there would have been with other settings."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request

from maskcam.store.observations import StoredTracks
from maskcam.store.records import ViolationQuery
from maskcam.store.store import EventStore
from maskcam.violation_people import ViolationOptions
from maskcam.web.api.statistics import span
from maskcam.web.auth import Viewer
from maskcam.web.context import Ctx
from maskcam.web.problems import responses
from maskcam.web.schemas import AnyCamera, WhatIf, WhatIfCount, WhatIfDay
from maskcam.whatif import AS_VOTED, Outcome, Rule, replay

router = APIRouter(prefix="/whatif", tags=["statistics"], responses=responses(401, 403, 422))

_FRESH_SECONDS = 60.0
_HOW = (
    "The scores of {tracks} people who broke the rule, or may have, were gone through again by the same rules as live:"
    " a face counts as breaking the rule while the probability that it does is at least {threshold:.0%}, and is a"
    " violation after {dwell:g} s of it; no video was looked at. It may count somebody twice who was lost from sight"
    " and found again within {cooldown:g} s, and leaves out whoever is still before a camera, or was a moment ago."
)


class TrackCache:
    """The tracks that were asked for last, since whoever moves a slider asks for the same ones again and again."""

    def __init__(self) -> None:
        self._held: tuple[object, float, StoredTracks] | None = None

    def get(
        self, store: EventStore, start: datetime, end: datetime, cameras: tuple[str, ...]
    ) -> StoredTracks:
        """Reads them, unless they were read within the last minute."""
        key = store.store_id, start, end, cameras
        held, now = self._held, time.monotonic()
        if held is not None and held[0] == key and now - held[1] < _FRESH_SECONDS:
            return held[2]
        tracks = store.tracks(since=start, until=end, cameras=cameras)
        self._held = key, now, tracks
        return tracks


@router.get("")
def get_what_if(
    request: Request,
    context: Ctx,
    _who: Viewer,
    threshold: Annotated[
        float, Query(ge=0.3, le=1, description="probability from which a face counts; 0.5: as voted, live")
    ] = AS_VOTED,
    dwell: Annotated[
        float | None, Query(ge=0, le=600, description="seconds before it is a violation; default: as set")
    ] = None,
    minimum_face: Annotated[float, Query(ge=0, le=10_000, description="pixels of faces that count")] = 0.0,
    cameras: Annotated[list[AnyCamera] | None, Query(max_length=100, description="default: all")] = None,
    since: Annotated[datetime | None, Query(description="default: a week before `until`")] = None,
    until: Annotated[datetime | None, Query(description="default: now; without a zone: UTC")] = None,
) -> WhatIf:
    """Violations per day at another threshold and dwell time, from stored scores, without touching video."""
    start, end = span(since, until)
    names = tuple(cameras or ())
    tracks = request.app.state.tracks.get(context.store, start, end, names)
    options = context.service.config.violations.build()
    wanted = _rule(options, threshold, options.dwell_seconds if dwell is None else dwell, minimum_face)
    outcome = replay(tracks, wanted)
    first_ms = int(tracks.started_ms.min()) if tracks.tracks else None
    days = _days(start, min(end, datetime.now(UTC)), first_ms)
    logged = context.store.totals(ViolationQuery(since=start, until=end, cameras=names)).violations
    return WhatIf(
        since=start,
        until=end,
        threshold=threshold,
        dwell_seconds=wanted.dwell_seconds,
        tracks=tracks.tracks,
        days_covered=round(days, 2),
        wanted=_count(outcome, days),
        present=_count(replay(tracks, _rule(options, AS_VOTED, options.dwell_seconds, 0.0)), days),
        present_dwell_seconds=options.dwell_seconds,
        logged=logged,
        days=_per_day(outcome, start, end),
        how=_HOW.format(
            tracks=tracks.tracks,
            threshold=threshold,
            dwell=wanted.dwell_seconds,
            cooldown=options.cooldown_seconds,
        ),
    )


def _rule(options: ViolationOptions, threshold: float, dwell_seconds: float, minimum_face: float) -> Rule:
    return Rule(
        threshold=threshold,
        dwell_seconds=dwell_seconds,
        comply_seconds=options.comply_seconds,
        lost_seconds=options.lost_seconds,
        cooldown_seconds=options.cooldown_seconds,
        minimum_face=minimum_face,
    )


def _count(outcome: Outcome, days: float) -> WhatIfCount:
    count = len(outcome.started_ms)
    return WhatIfCount(violations=count, per_day=round(count / days, 2))


def _days(start: datetime, end: datetime, first_ms: int | None) -> float:
    """Days for which there is anything to go by, at least one: a mean per day of an hour would be a guess."""
    if first_ms is not None:
        start = max(start, datetime.fromtimestamp(first_ms / 1000, UTC))
    return max((end - start) / timedelta(days=1), 1.0)


def _per_day(outcome: Outcome, start: datetime, end: datetime) -> list[WhatIfDay]:
    """Each day of the server's zone, those without any included."""
    days = []
    day = start.astimezone().date()
    while (midnight := datetime(day.year, day.month, day.day).astimezone()) < end:
        days.append(midnight)
        day += timedelta(days=1)
    edges = np.array([1000 * midnight.timestamp() for midnight in days])
    places = np.searchsorted(edges, outcome.started_ms, side="right") - 1
    counts = np.bincount(places[places >= 0], minlength=len(days))
    return [WhatIfDay(day=day.date(), violations=int(n)) for day, n in zip(days, counts, strict=True)]
