"""Rows into the tables, many in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from maskcam.store import observing
from maskcam.store.observations import HourHeat, TrackScores
from maskcam.store.records import ClipFile, ClipRecord, MinuteCounts, Row, ViolationRecord
from maskcam.store.tables import CameraRow, CountsRow, HeatRow, TrackRow, TransitionRow, ViolationRow

_STATUS_COUNTS = ("people", "masked", "bare", "incorrect", "unsure")


def record(connection: Connection, rows: Iterable[Row], *, is_forwarded: bool = False) -> list[ClipFile]:
    """Writes rows, or brings those that are there up to date; of several reports of one thing, the last counts.

    Args:
        connection: of a transaction.
        rows: what is to be written.
        is_forwarded: see `maskcam.store.forwarding`; what changes waits to be forwarded again unless it came that way.

    Returns:
        Clips whose violations are gone, to be removed.
    """
    violations: dict[str, ViolationRecord] = {}
    counts: dict[tuple[str, datetime, str], MinuteCounts] = {}
    clips: dict[str, ClipRecord] = {}
    tracks: dict[str, TrackScores] = {}
    heat: dict[str, HourHeat] = {}
    for row in rows:
        match row:
            case MinuteCounts():
                counts[row.camera, row.minute, row.run_id] = row
            case ClipRecord():
                clips[row.key] = row
            case TrackScores():
                tracks[row.key] = row
            case HourHeat():
                heat[row.key] = row
            case _:
                violations[row.key] = merge(violations.get(row.key), row)
    names = {row.camera for rows in (violations, counts, clips, tracks, heat) for row in rows.values()}
    cameras = camera_ids(connection, names)
    if violations:
        _violations(connection, list(violations.values()), cameras, is_forwarded=is_forwarded)
    if counts:
        _counts(connection, list(counts.values()), cameras, is_forwarded=is_forwarded)
    if tracks:
        observing.write_tracks(connection, list(tracks.values()), cameras)
    if heat:
        observing.write_heat(connection, list(heat.values()), cameras)
    return [row.clip for row in clips.values() if not _has_place(connection, row, cameras)]


def end_run(connection: Connection, run_id: str) -> None:
    """Ends what a run that ended badly left open, at the time of the last report: nobody else will."""
    columns = (
        ViolationRow.id,
        ViolationRow.started_at,
        ViolationRow.started_seconds,
        ViolationRow.updated_at,
    )
    unended = select(*columns).where(ViolationRow.run_id == run_id, ViolationRow.ended_at.is_(None))
    for number, started_at, started_seconds, updated_at in connection.execute(unended).all():
        ended_at = max(started_at, updated_at)
        ended_seconds = started_seconds + (ended_at - started_at).total_seconds()
        values = {"ended_at": ended_at, "ended_seconds": ended_seconds}
        # a revision of its own: whoever this is forwarded to may have the last report already
        news = {"revision": ViolationRow.revision + 1, "is_forwarded": False}
        connection.execute(update(ViolationRow).where(ViolationRow.id == number).values(values | news))
        still_open = (TransitionRow.violation_id == number) & TransitionRow.ended_at.is_(None)
        connection.execute(update(TransitionRow).where(still_open).values(values))


def forget_seen(connection: Connection, run_id: str) -> None:
    """Removes what a run counted and saw of people; its violations stay."""
    for table in (CountsRow, TrackRow, HeatRow):
        connection.execute(delete(table).where(table.run_id == run_id))


def merge(before: ViolationRecord | None, now: ViolationRecord) -> ViolationRecord:
    """The later report of a violation, with the pictures of the earlier one where it brings none."""
    if before is None or now.pictures is not None or before.pictures is None:
        return now
    return replace(now, pictures=before.pictures)


def insert_into(connection: Connection, table: Any) -> Any:  # noqa: ANN401  the two share no base with on_conflict_...
    """An insert that knows what to do about rows that are there already."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def camera_ids(connection: Connection, names: set[str]) -> dict[str, int]:
    """Numbers of cameras by name; those that are new get one."""
    wanted = select(CameraRow.name, CameraRow.id).where(CameraRow.name.in_(names))
    known = dict(connection.execute(wanted).all())
    missing = sorted(names - known.keys())
    if missing:
        new = insert_into(connection, CameraRow).on_conflict_do_nothing()
        connection.execute(new, [{"name": name} for name in missing])
        known = dict(connection.execute(wanted).all())
    return known


def _violations(
    connection: Connection, records: Sequence[ViolationRecord], cameras: dict[str, int], *, is_forwarded: bool
) -> None:
    now = datetime.now(UTC)
    new = insert_into(connection, ViolationRow)
    given = new.excluded
    upsert = new.on_conflict_do_update(
        index_elements=["run_id", "camera_id", "number"],
        set_={
            name: given[name]
            for name in (
                "revision",
                "track_id",
                "status",
                "ended_at",
                "ended_seconds",
                "x1",
                "y1",
                "x2",
                "y2",
            )
        }
        | {
            "picture": func.coalesce(given.picture, ViolationRow.picture),
            "face": func.coalesce(given.face, ViolationRow.face),
            "size_bytes": func.coalesce(func.nullif(given.size_bytes, 0), ViolationRow.size_bytes),
            "updated_at": given.updated_at,
            "is_forwarded": is_forwarded,
        },
        # what was spilled before a crash comes again, and may be older than what the database has
        where=given.revision >= ViolationRow.revision,
    ).returning(ViolationRow.id, ViolationRow.run_id, ViolationRow.camera_id, ViolationRow.number)
    values = [_values(record, cameras, now) | {"is_forwarded": is_forwarded} for record in records]
    done = connection.execute(upsert, values)
    ids = {(run, camera, number): row_id for row_id, run, camera, number in done}
    written = [
        (ids[key], record)
        for record in records
        if (key := (record.run_id, cameras[record.camera], record.number)) in ids
    ]
    _transitions(connection, written)


def _values(record: ViolationRecord, cameras: dict[str, int], now: datetime) -> dict[str, Any]:
    pictures = record.pictures
    x1, y1, x2, y2 = record.box_xyxy
    return {
        "run_id": record.run_id,
        "camera_id": cameras[record.camera],
        "number": record.number,
        "revision": record.revision,
        "track_id": record.track_id,
        "status": record.status.value,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "started_seconds": record.started_seconds,
        "ended_seconds": record.ended_seconds,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "picture": pictures.frame if pictures else None,
        "face": pictures.face if pictures else None,
        "size_bytes": pictures.size_bytes if pictures else 0,
        "is_protected": False,
        "is_false_alarm": False,
        "updated_at": now,
    }


def _transitions(connection: Connection, written: Sequence[tuple[int, ViolationRecord]]) -> None:
    if not written:
        return
    connection.execute(
        delete(TransitionRow).where(TransitionRow.violation_id.in_([row_id for row_id, _ in written]))
    )
    rows = [
        {
            "violation_id": row_id,
            "position": position,
            "status": transition.status.value,
            "started_at": transition.started_at,
            "ended_at": transition.ended_at,
            "started_seconds": transition.started_seconds,
            "ended_seconds": transition.ended_seconds,
        }
        for row_id, record in written
        for position, transition in enumerate(record.transitions)
    ]
    if rows:
        connection.execute(insert(TransitionRow), rows)


def _has_place(connection: Connection, row: ClipRecord, cameras: dict[str, int]) -> bool:
    """Writes where the clip is into its violation, if that still is there."""
    clip = row.clip
    wanted = (
        (ViolationRow.run_id == row.run_id)
        & (ViolationRow.camera_id == cameras[row.camera])
        & (ViolationRow.number == row.number)
    )
    values = {
        "clip": clip.name,
        "clip_bytes": clip.size_bytes,
        "clip_seconds": clip.seconds,
        "clip_lead_seconds": clip.lead_seconds,
    }
    return connection.execute(update(ViolationRow).where(wanted).values(values)).rowcount > 0


def _counts(
    connection: Connection, counts: Sequence[MinuteCounts], cameras: dict[str, int], *, is_forwarded: bool
) -> None:
    new = insert_into(connection, CountsRow)
    upsert = new.on_conflict_do_update(
        index_elements=["minute", "camera_id", "run_id"],
        set_={name: new.excluded[name] for name in _STATUS_COUNTS} | {"is_forwarded": is_forwarded},
        where=new.excluded.people
        >= CountsRow.people,  # an older report, spilled before a crash, has seen fewer
    )
    connection.execute(
        upsert,
        [
            {"minute": row.minute, "camera_id": cameras[row.camera], "run_id": row.run_id}
            | {name: getattr(row, name) for name in _STATUS_COUNTS}
            | {"is_forwarded": is_forwarded}
            for row in counts
        ],
    )
