"""Other sites: instances of maskcam elsewhere that forward to this store what theirs has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from maskcam.store import writing
from maskcam.store.forwarding import Forwarded
from maskcam.store.statistics import Compliance
from maskcam.store.tables import CameraRow, CountsRow, SiteCameraRow, SiteRow, ViolationRow

SILENT_SECONDS = 60.0
"""Sites report every ten seconds, so that one that has said nothing for longer is off, or cannot reach us."""
_BY_NAME = (func.lower(SiteRow.name), SiteRow.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a site says of itself.

    Attributes:
        waiting: rows that it is yet to forward, besides those that come with this.
        cameras: seconds since the last frame, by the name of the camera at its site; None: there was none so far.
        version: of maskcam there.
    """

    waiting: int
    cameras: Mapping[str, float | None] = field(default_factory=dict)
    version: str


@dataclass(frozen=True, slots=True)
class SiteCamera:
    """A camera of a site.

    Attributes:
        name: in this store: the site's, a slash, and the one it has there.
        seen_at: when its last frame came; None: never, as far as is known.
    """

    name: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A site's last report.

    Attributes:
        name: of the site.
        heard_at: when it came.
        waiting: rows that it was yet to forward.
    """

    name: str
    heard_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Heard):
    """How a site is doing, as of its last report.

    Attributes:
        is_silent: it should have reported since.
        version: of maskcam there.
        cameras: in the order of their names.
        violations: that have started since the beginning of the day.
        compliance: people-minutes of the last 24 hours.
    """

    is_silent: bool
    version: str
    cameras: tuple[SiteCamera, ...]
    violations: int
    compliance: Compliance


def camera_name(site: str, camera: str) -> str:
    """The name in this store of a site's camera."""
    return f"{site}/{camera}"


def record(connection: Connection, site: str, report: Report, rows: Sequence[Forwarded]) -> None:
    """Writes what a site forwards; doing so again changes nothing."""
    now = _now(connection)
    new = writing.insert_into(connection, SiteRow)
    news = {"heard_at": now, "waiting": report.waiting, "version": report.version}
    upsert = new.on_conflict_do_update(index_elements=["name"], set_=news).returning(SiteRow.id)
    site_id = connection.execute(upsert, {"name": site} | news).scalar_one()
    seen = {camera_name(site, name): ago for name, ago in report.cameras.items()}
    known = writing.camera_ids(connection, {*seen, *(camera_name(site, row.camera) for row in rows)})
    links = [
        {
            "camera_id": camera_id,
            "site_id": site_id,
            "seen_at": None if (ago := seen.get(name)) is None else now - timedelta(seconds=ago),
        }
        for name, camera_id in sorted(known.items())
    ]
    if links:
        new = writing.insert_into(connection, SiteCameraRow)
        last = func.coalesce(new.excluded.seen_at, SiteCameraRow.seen_at)
        link = new.on_conflict_do_update(index_elements=["camera_id"], set_={"seen_at": last})
        connection.execute(link, links)
    renamed = [replace(row, camera=camera_name(site, row.camera)) for row in rows]
    writing.record(connection, renamed, is_forwarded=True)


def sites(connection: Connection, *, midnight: datetime) -> list[Site]:
    """All that ever reported, by name.

    Args:
        connection: of a transaction.
        midnight: from which on violations are counted.
    """
    now = _now(connection)
    cameras: dict[int, list[SiteCamera]] = defaultdict(list)
    named = (
        select(SiteCameraRow.site_id, CameraRow.name, SiteCameraRow.seen_at)
        .join(CameraRow, CameraRow.id == SiteCameraRow.camera_id)
        .order_by(CameraRow.name)
    )
    for site_id, name, seen_at in connection.execute(named):
        cameras[site_id].append(SiteCamera(name, seen_at))
    of_site = SiteCameraRow.camera_id == ViolationRow.camera_id
    started = (
        select(SiteCameraRow.site_id, func.count())
        .join(ViolationRow, of_site)
        .where(ViolationRow.started_at >= midnight)
        .group_by(SiteCameraRow.site_id)
    )
    violations: dict[int, int] = dict(connection.execute(started).all())
    compliance = _compliance(connection, since=now - timedelta(days=1))
    silent = now - timedelta(seconds=SILENT_SECONDS)
    return [
        Site(
            name=row.name,
            heard_at=row.heard_at,
            is_silent=row.heard_at < silent,
            waiting=row.waiting,
            version=row.version,
            cameras=tuple(cameras[row.id]),
            violations=violations.get(row.id, 0),
            compliance=compliance.get(row.id, Compliance()),
        )
        for row in connection.execute(select(SiteRow.__table__).order_by(*_BY_NAME))
    ]


def heard(connection: Connection) -> list[Heard]:
    """The last reports of all sites, by name."""
    rows = connection.execute(select(SiteRow.name, SiteRow.heard_at, SiteRow.waiting).order_by(*_BY_NAME))
    return [Heard(name=row.name, heard_at=row.heard_at, waiting=row.waiting) for row in rows]


def names(connection: Connection) -> list[str]:
    """Of all sites."""
    return list(connection.scalars(select(SiteRow.name).order_by(*_BY_NAME)))


def cameras_of(connection: Connection, site: str) -> list[str]:
    """Names, in this store, of the cameras of a site; none where there is no such site."""
    found = (
        select(CameraRow.name)
        .join(SiteCameraRow, SiteCameraRow.camera_id == CameraRow.id)
        .join(SiteRow, SiteRow.id == SiteCameraRow.site_id)
        .where(SiteRow.name == site)
        .order_by(CameraRow.name)
    )
    return list(connection.scalars(found))


def _compliance(connection: Connection, *, since: datetime) -> dict[int, Compliance]:
    columns = (CountsRow.people, CountsRow.masked, CountsRow.bare, CountsRow.incorrect, CountsRow.unsure)
    sums = (
        select(SiteCameraRow.site_id, *(func.sum(column) for column in columns))
        .join(CountsRow, SiteCameraRow.camera_id == CountsRow.camera_id)
        .where(CountsRow.minute >= since)
        .group_by(SiteCameraRow.site_id)
    )
    return {
        site_id: Compliance(*(int(value) for value in values))
        for site_id, *values in connection.execute(sums)
    }


def _now(connection: Connection) -> datetime:
    """By the clock of the database, where it has one: those of the sites may be wrong."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now = connection.scalar(select(func.now()))
    assert isinstance(now, datetime)
    return now.astimezone(UTC)
