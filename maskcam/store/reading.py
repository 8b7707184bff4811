"""Rows out of the tables, as records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, func, or_, select
from sqlalchemy.engine import Row as SqlRow

from maskcam.store.records import (
    ClipFile,
    MinuteCounts,
    Pictures,
    Position,
    StoredTransition,
    StoredViolation,
    Totals,
    ViolationQuery,
)
from maskcam.store.tables import CameraRow, CountsRow, TransitionRow, ViolationRow
from maskcam.types import MaskStatus

_VIOLATIONS = select(ViolationRow.__table__, CameraRow.name.label("camera")).join(
    CameraRow, CameraRow.id == ViolationRow.camera_id
)


def violations(
    connection: Connection,
    query: ViolationQuery,
    *,
    newest_first: bool,
    limit: int | None = None,
    after: StoredViolation | Position | None = None,
) -> list[StoredViolation]:
    """See `EventStore.violations`."""
    started, number = ViolationRow.started_at, ViolationRow.id
    order = (started.desc(), number.desc()) if newest_first else (started, number)
    statement = _VIOLATIONS.where(*conditions(query)).order_by(*order).limit(limit)
    if after is not None:
        at, last = after.started_at, after.id
        beyond = (started < at, number < last) if newest_first else (started > at, number > last)
        statement = statement.where(or_(beyond[0], and_(started == at, beyond[1])))
    return _with_transitions(connection, statement)


def violation(connection: Connection, violation_id: int) -> StoredViolation | None:
    """See `EventStore.get`."""
    found = _with_transitions(connection, _VIOLATIONS.where(ViolationRow.id == violation_id))
    return found[0] if found else None


def violations_of(connection: Connection, ids: Sequence[int]) -> list[StoredViolation]:
    """Those with these numbers, in the order of them."""
    if not ids:
        return []
    chosen = _VIOLATIONS.where(ViolationRow.id.in_(ids)).order_by(ViolationRow.id)
    return _with_transitions(connection, chosen)


def conditions(query: ViolationQuery) -> list[ColumnElement[bool]]:
    """A query in terms of `ViolationRow` and `CameraRow`."""
    wanted: list[ColumnElement[bool]] = []
    if query.since is not None:
        wanted.append(ViolationRow.started_at >= query.since)
    if query.until is not None:
        wanted.append(ViolationRow.started_at < query.until)
    if query.cameras:
        wanted.append(CameraRow.name.in_(query.cameras))
    if query.statuses:
        wanted.append(ViolationRow.status.in_([status.value for status in query.statuses]))
    if query.is_protected is not None:
        wanted.append(ViolationRow.is_protected.is_(query.is_protected))
    if query.is_false_alarm is not None:
        wanted.append(ViolationRow.is_false_alarm.is_(query.is_false_alarm))
    if query.is_open is not None:
        ended = ViolationRow.ended_at
        wanted.append(ended.is_(None) if query.is_open else ended.is_not(None))
    return wanted


def totals(connection: Connection, query: ViolationQuery) -> Totals:
    """See `EventStore.totals`."""
    chosen = (
        select(ViolationRow.__table__, CameraRow.name.label("camera"))
        .join(CameraRow, CameraRow.id == ViolationRow.camera_id)
        .where(*conditions(query))
        .subquery()
    )
    columns = chosen.c
    count, size, clips, first, last, protected, wrong = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(columns.size_bytes), 0),
            func.coalesce(func.sum(columns.clip_bytes), 0),
            func.min(columns.started_at),
            func.max(columns.started_at),
            func.count().filter(columns.is_protected),
            func.count().filter(columns.is_false_alarm),
        ).select_from(chosen)
    ).one()
    by_status = _counted(connection, chosen, "status")
    return Totals(
        violations=count,
        protected=protected,
        false_alarms=wrong,
        pictures_bytes=int(size),
        clips_bytes=int(clips),
        by_status={MaskStatus(status): number for status, number in by_status.items()},
        by_camera=_counted(connection, chosen, "camera"),
        first_at=first,
        last_at=last,
    )


def counts(
    connection: Connection, *, since: datetime | None, until: datetime | None, cameras: Sequence[str]
) -> Iterator[MinuteCounts]:
    """See `EventStore.counts`."""
    statement = (
        select(CountsRow.__table__, CameraRow.name.label("camera"))
        .join(CameraRow, CameraRow.id == CountsRow.camera_id)
        .order_by(CountsRow.minute, CameraRow.name, CountsRow.run_id)
    )
    if since is not None:
        statement = statement.where(CountsRow.minute >= since)
    if until is not None:
        statement = statement.where(CountsRow.minute < until)
    if cameras:
        statement = statement.where(CameraRow.name.in_(cameras))
    for row in connection.execute(statement):
        yield minute_counts(row)


def minute_counts(row: SqlRow[Any]) -> MinuteCounts:
    """Of a row of the table, with the name of its camera."""
    return MinuteCounts(
        run_id=row.run_id,
        camera=row.camera,
        minute=row.minute,
        people=row.people,
        masked=row.masked,
        bare=row.bare,
        incorrect=row.incorrect,
        unsure=row.unsure,
    )


def _counted(connection: Connection, chosen: Subquery, column: str) -> dict[str, int]:
    name = chosen.c[column]
    return dict(connection.execute(select(name, func.count()).group_by(name).order_by(name)).all())


def _with_transitions(connection: Connection, statement: Select[Any]) -> list[StoredViolation]:
    rows = connection.execute(statement).all()
    transitions: dict[int, list[StoredTransition]] = defaultdict(list)
    for start in range(0, len(rows), 1000):  # SQLite takes no more than 32,766 values
        chosen = TransitionRow.violation_id.in_([row.id for row in rows[start : start + 1000]])
        ordered = select(TransitionRow.__table__).where(chosen).order_by(TransitionRow.position)
        for row in connection.execute(ordered):
            transitions[row.violation_id].append(
                StoredTransition(
                    MaskStatus(row.status),
                    row.started_at,
                    row.ended_at,
                    row.started_seconds,
                    row.ended_seconds,
                )
            )
    return [_violation(row, tuple(transitions[row.id])) for row in rows]


def _violation(row: SqlRow[Any], transitions: tuple[StoredTransition, ...]) -> StoredViolation:
    return StoredViolation(
        id=row.id,
        run_id=row.run_id,
        camera=row.camera,
        number=row.number,
        revision=row.revision,
        track_id=row.track_id,
        status=MaskStatus(row.status),
        started_at=row.started_at,
        ended_at=row.ended_at,
        started_seconds=row.started_seconds,
        ended_seconds=row.ended_seconds,
        box_xyxy=(row.x1, row.y1, row.x2, row.y2),
        transitions=transitions,
        pictures=Pictures(row.picture, row.face, row.size_bytes) if row.picture else None,
        clip=ClipFile(row.clip, row.clip_bytes, row.clip_seconds, row.clip_lead_seconds)
        if row.clip
        else None,
        is_protected=row.is_protected,
        is_false_alarm=row.is_false_alarm,
        updated_at=row.updated_at,
    )
