"""Which violations have to go, oldest first."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from maskcam.store.records import Pictures, Retention
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


def remove(connection: Connection, ids: list[int]) -> tuple[int, list[Pictures]]:
    """Removes violations with their transitions.

    Returns:
        How many there were, and their pictures, to be removed once this is committed.
    """
    chosen = ViolationRow.id.in_(ids)
    pictures = _pictures(connection, chosen)
    connection.execute(delete(TransitionRow).where(TransitionRow.violation_id.in_(ids)))
    return connection.execute(delete(ViolationRow).where(chosen)).rowcount, pictures


def oldest(connection: Connection, chosen: ColumnElement[bool], *, limit: int) -> list[int]:
    """Their numbers."""
    ordered = select(ViolationRow.id).where(chosen).order_by(ViolationRow.started_at, ViolationRow.id)
    return list(connection.scalars(ordered.limit(limit)))


def over_size(connection: Connection, keep_bytes: int, *, limit: int) -> list[int]:
    """The oldest ones that must lose their pictures for the others to fit in `keep_bytes`."""
    total = connection.scalar(select(func.coalesce(func.sum(ViolationRow.size_bytes), 0))) or 0
    excess = int(total) - keep_bytes
    if not keep_bytes or excess <= 0:
        return []
    ordered = (
        select(ViolationRow.id, ViolationRow.size_bytes)
        .where(ViolationRow.picture.is_not(None), ViolationRow.is_protected.is_(False))
        .order_by(ViolationRow.started_at, ViolationRow.id)
        .limit(limit)
    )
    chosen = []
    for number, size in connection.execute(ordered):
        if excess <= 0:
            break
        chosen.append(number)
        excess -= size
    return chosen


def strip(connection: Connection, ids: list[int]) -> list[Pictures]:
    """Takes the pictures from violations, which stay; they are to be removed once this is committed."""
    chosen = ViolationRow.id.in_(ids)
    pictures = _pictures(connection, chosen)
    connection.execute(update(ViolationRow).where(chosen).values(picture=None, face=None, size_bytes=0))
    return pictures


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
