"""The page of statistics, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from maskcam.camera_changes import cameras_of
from maskcam.web import charts
from maskcam.web.api.sites import of_site
from maskcam.web.api.statistics import collect, span
from maskcam.web.auth import Viewer
from maskcam.web.context import Context, Ctx
from maskcam.web.pages import page
from maskcam.web.schemas import AnyCamera, Group, SiteName, Statistics

router = APIRouter(include_in_schema=False)

_HOURLY = timedelta(days=3)
"""Up to which hours are shown where nothing is said: more of them cannot be told apart."""
COLUMNS = (
    *("camera", "start", "people_minutes", "mask", "no_mask", "incorrect", "unsure", "judged"),
    *("rate", "rate_low", "rate_high"),
)

Per = Literal["hour", "day", ""]


@dataclass(frozen=True, slots=True)
class Choice:
    """What of all statistics is looked at.

    Attributes:
        since: first day, by the server's zone.
        until: last day.
        cameras: names; none: all.
        per: hour or day.
    """

    since: date
    until: date
    cameras: tuple[str, ...]
    per: Literal["hour", "day"]

    @property
    def start(self) -> datetime:
        """The first day's midnight."""
        return _midnight(self.since)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return _midnight(self.until + timedelta(days=1))

    @property
    def query(self) -> str:
        """As the part of an address after the question mark."""
        return urlencode(
            [("since", self.since), ("until", self.until), ("per", self.per)]
            + [("camera", name) for name in self.cameras]
        )


def choose(
    context: Ctx,
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
    camera: Annotated[list[AnyCamera] | None, Query(max_length=100)] = None,
    per: Per = "",
    site: SiteName = "",
) -> Choice:
    """Reads a choice from an address; what is left out is the last week, and all cameras; a site stands for its own.

    Raises:
        HTTPException: 422, that is no date, or no span; 404, there is no such site.
    """
    last = _date(until) or datetime.now().astimezone().date()
    first = _date(since) or last - timedelta(days=6)
    span(_midnight(first), _midnight(last + timedelta(days=1)))
    long = timedelta(days=(last - first).days + 1) > _HOURLY
    return Choice(
        first, last, of_site(context, site, tuple(camera or ())), per or ("day" if long else "hour")
    )


Chosen = Annotated[Choice, Depends(choose)]


@router.get("/statistics")
def show_statistics(request: Request, context: Ctx, who: Viewer, choice: Chosen) -> Response:
    """How many wore their masks right, where faces can be judged, and what other settings would change."""
    found = collect(context.store, choice.start, choice.end, cameras=choice.cameras, per=choice.per)
    known = sorted({*context.store.cameras(), *cameras_of(context.service.config)})
    heat = context.store.heat(since=choice.start, until=choice.end)
    return page(
        request,
        "statistics.html",
        who=who,
        choice=choice,
        cameras=known,
        sites=context.store.site_names(),
        found=found,
        charts=_charts(found, choice),
        ticks=_ticks(choice),
        maps=[
            charts.heat_map(name, seen)
            for name, seen in heat.items()
            if not choice.cameras or name in choice.cameras
        ],
        parts=charts.PARTS,
        with_picture=_seeing(context),
        presets=_presets(choice),
        violations=context.service.config.violations,
    )


@router.get("/statistics.csv")
def download_statistics(context: Ctx, _who: Viewer, choice: Chosen) -> Response:
    """The figures that the page shows, one row per camera and hour or day."""
    found = collect(context.store, choice.start, choice.end, cameras=choice.cameras, per=choice.per)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_row(group) for group in found.camera_spans)
    name = f"maskcam-{choice.since}-{choice.until}.csv"
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _charts(found: Statistics, choice: Choice) -> list[charts.Compliance]:
    step = timedelta(hours=1) if choice.per == "hour" else timedelta(days=1)

    def chart(name: str, total: Group, groups: Sequence[Group]) -> charts.Compliance:
        return charts.compliance(name, total, groups, start=choice.start, end=choice.end, step=step)

    drawn = [
        chart(group.camera or "", group, [one for one in found.camera_spans if one.camera == group.camera])
        for group in found.cameras
    ]
    return [chart("All cameras", found.total, found.spans), *drawn] if len(drawn) > 1 else drawn


def _ticks(choice: Choice) -> list[datetime]:
    """Times at the left, in the middle and at the right of a chart."""
    length = choice.end - choice.start
    return [choice.start, choice.start + length / 2, choice.end - timedelta(minutes=1)]


def _seeing(context: Context) -> set[str]:
    """Cameras that have a picture to lay a map upon."""
    return {name for name in cameras_of(context.service.config) if context.service.latest(name) is not None}


def _presets(choice: Choice) -> list[tuple[str, str, bool]]:
    """Usual times: a name, an address, and whether it is the one shown."""
    today = datetime.now().astimezone().date()
    presets = []
    for name, days in (("Today", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90)):
        first = today - timedelta(days=days - 1)
        query = [("since", first), ("until", today), *(("camera", name) for name in choice.cameras)]
        is_shown = (choice.since, choice.until) == (first, today)
        presets.append((name, f"/statistics?{urlencode(query)}", is_shown))
    return presets


def _row(group: Group) -> tuple[object, ...]:
    low, high = group.interval or (None, None)
    camera = group.camera or ""
    # spreadsheets take such text for a formula
    safe = f"'{camera}" if camera[:1] in ("=", "+", "-", "@", "\t") else camera
    return (
        safe,
        group.start.isoformat() if group.start else None,
        *(group.people, group.masked, group.bare, group.incorrect, group.unsure, group.judged),
        *(None if share is None else round(share, 4) for share in (group.rate, low, high)),
    )


def _date(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise HTTPException(422, f"A day is written like 2026-05-04; got {text!r}.") from None
    if not 1971 <= found.year <= 9000:
        raise HTTPException(422, "A day lies between the years 1971 and 9000.")
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day).astimezone()
