"""How many wore their masks right, where and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from maskcam.store.records import MinuteCounts, ViolationQuery
from maskcam.store.statistics import Compliance, grouped, total
from maskcam.store.store import EventStore
from maskcam.web.api.sites import of_site
from maskcam.web.auth import Viewer
from maskcam.web.context import Ctx
from maskcam.web.problems import responses
from maskcam.web.schemas import AnyCamera, ComplianceFigures, Group, SiteName, Statistics

router = APIRouter(prefix="/statistics", tags=["statistics"], responses=responses(401, 403, 404, 422))

_LONGEST = timedelta(days=400)


@router.get("")
def get_statistics(
    context: Ctx,
    _who: Viewer,
    since: Annotated[datetime | None, Query(description="default: a week before `until`")] = None,
    until: Annotated[datetime | None, Query(description="default: now; without a zone: UTC")] = None,
    camera: Annotated[list[AnyCamera] | None, Query(max_length=100)] = None,
    site: Annotated[SiteName | None, Query(description="at the cameras of this site")] = None,
    per: Literal["hour", "day"] = "hour",
) -> Statistics:
    """Compliance per camera, per hour or day, and per both, with 95% intervals."""
    start, end = span(since, until)
    return collect(context.store, start, end, cameras=of_site(context, site, tuple(camera or ())), per=per)


def collect(
    store: EventStore,
    start: datetime,
    end: datetime,
    *,
    cameras: tuple[str, ...],
    per: Literal["hour", "day"],
) -> Statistics:
    """The statistics of some time, of some cameras or, where none is named, of all."""
    counts = store.counts(since=start, until=end, cameras=cameras)
    totals = store.totals(ViolationQuery(since=start, until=end, cameras=cameras))

    def span_of(row: MinuteCounts) -> datetime:
        local = row.minute.astimezone().replace(minute=0)
        return local if per == "hour" else local.replace(hour=0)

    spans = grouped(counts, span_of)
    by_camera = grouped(counts, lambda row: row.camera)
    both = grouped(counts, lambda row: (row.camera, span_of(row)))
    return Statistics(
        since=start,
        until=end,
        per=per,
        total=_group(total(counts)),
        cameras=[_group(by_camera[name], camera=name) for name in sorted(by_camera)],
        spans=[_group(spans[at], start=at) for at in sorted(spans)],
        camera_spans=[_group(both[name, at], camera=name, start=at) for name, at in sorted(both)],
        violations=totals.violations,
        violations_by_camera=totals.by_camera,
        violations_by_status={status.value: count for status, count in totals.by_status.items()},
        false_alarms=totals.false_alarms,
    )


def _group(found: Compliance, *, camera: str | None = None, start: datetime | None = None) -> Group:
    return Group.model_validate({"camera": camera, "start": start, **ComplianceFigures.values(found)})


def span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """Both ends, aware of their zone.

    Raises:
        HTTPException: 422, they are no span of at most 400 days.
    """
    end = until or datetime.now(UTC)
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    start = since if since is not None else end - timedelta(days=7) if end.year > 1970 else end
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    if not (1970 <= start.year <= 9998 and 1970 <= end.year <= 9998):
        raise HTTPException(422, "A time lies between the years 1970 and 9998.")
    if not timedelta(0) <= end - start <= _LONGEST:
        raise HTTPException(422, f"`since` lies before `until`, by at most {_LONGEST.days} days.")
    return start.astimezone(UTC), end.astimezone(UTC)
