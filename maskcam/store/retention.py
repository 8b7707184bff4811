"""Which violations have to go, oldest first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from maskcam.store.records import ClipFile, MediaFile, Pictures, Retention
from maskcam.store.tables import CountsRow, TransitionRow, ViolationRow


def too_old(retention: Retention, now: datetime) -> ColumnElement[bool] | None:
    """Those past their days, but for what is protected or still reported; None where there is no limit."""
    if not retention.keep_days:
        return None
    limit = now - timedelta(days=retention.keep_days)
    return (
        (ViolationRow.started_at < limit)
        & (ViolationRow.ended_at.is_not(None) | (ViolationRow.updated_at < limit))
        & ViolationRow.is_protected.is_(False)
    )


def remove(connection: Connection, ids: list[int]) -> tuple[int, list[MediaFile]]:
    """Removes violations with their transitions.

    Returns:
        How many there were, and their files, to be removed once this is committed.
    """
    chosen = ViolationRow.id.in_(ids)
    files: list[MediaFile] = [*_pictures(connection, chosen), *_clips(connection, chosen)]
    connection.execute(delete(TransitionRow).where(TransitionRow.violation_id.in_(ids)))
    return connection.execute(delete(ViolationRow).where(chosen)).rowcount, files


def oldest(connection: Connection, chosen: ColumnElement[bool], *, limit: int) -> list[int]:
    """Their numbers."""
    ordered = select(ViolationRow.id).where(chosen).order_by(ViolationRow.started_at, ViolationRow.id)
    return list(connection.scalars(ordered.limit(limit)))


def shrink(connection: Connection, keep_bytes: int, *, limit: int) -> tuple[int, list[MediaFile]]:
    """Takes files from the oldest violations, which stay, for the others to fit in `keep_bytes`: first their clips.

    A clip takes as much as dozens of pictures, and only where there is none left to take do pictures go.

    Returns:
        How many violations lost any, at most `limit`; and the files, to be removed once this is committed.
    """
    sizes = select(func.coalesce(func.sum(ViolationRow.size_bytes + ViolationRow.clip_bytes), 0))
    excess = int(connection.scalar(sizes) or 0) - keep_bytes
    if not keep_bytes or excess <= 0:
        return 0, []
    ids = _oldest_with(connection, ViolationRow.clip, ViolationRow.clip_bytes, excess, limit=limit)
    if ids:
        chosen = ViolationRow.id.in_(ids)
        files: list[MediaFile] = [*_clips(connection, chosen)]
        gone: dict[str, Any] = {
            "clip": None,
            "clip_bytes": 0,
            "clip_seconds": None,
            "clip_lead_seconds": None,
        }
    else:
        ids = _oldest_with(connection, ViolationRow.picture, ViolationRow.size_bytes, excess, limit=limit)
        chosen = ViolationRow.id.in_(ids)
        files = [*_pictures(connection, chosen)]
        gone = {"picture": None, "face": None, "size_bytes": 0}
    connection.execute(update(ViolationRow).where(chosen).values(gone))
    return len(ids), files


def forget_counts(connection: Connection, retention: Retention, now: datetime) -> int:
    """Removes counts past their days; how many."""
    if not retention.keep_counts_days:
        return 0
    limit = now - timedelta(days=retention.keep_counts_days)
    return connection.execute(delete(CountsRow).where(CountsRow.minute < limit)).rowcount


def _pictures(connection: Connection, chosen: ColumnElement[bool]) -> list[Pictures]:
    columns = select(ViolationRow.picture, ViolationRow.face, ViolationRow.size_bytes)
    found = connection.execute(columns.where(chosen, ViolationRow.picture.is_not(None)))
    return [Pictures(picture or "", face or "", size) for picture, face, size in found]


def _oldest_with(
    connection: Connection,
    name: InstrumentedAttribute[str | None],
    size: InstrumentedAttribute[int],
    excess: int,
    *,
    limit: int,
) -> list[int]:
    """The oldest that have such a file, until so many bytes are together; protected ones aside."""
    ordered = (
        select(ViolationRow.id, size)
        .where(name.is_not(None), ViolationRow.is_protected.is_(False))
        .order_by(ViolationRow.started_at, ViolationRow.id)
        .limit(limit)
    )
    chosen = []
    for number, size_bytes in connection.execute(ordered):
        if excess <= 0:
            break
        chosen.append(number)
        excess -= size_bytes
    return chosen


def _clips(connection: Connection, chosen: ColumnElement[bool]) -> list[ClipFile]:
    columns = select(ViolationRow.clip, ViolationRow.clip_bytes)
    found = connection.execute(columns.where(chosen, ViolationRow.clip.is_not(None)))
    return [ClipFile(name or "", size, 0.0, 0.0) for name, size in found]
