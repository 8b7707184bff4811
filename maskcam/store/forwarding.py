"""What another store is yet to be given: every violation and every minute's counts wait here until it has them.

The mark stands in the row itself, and is set in the transaction that changes the row. So nothing can be in one and not
in the other, however the program ends, and many changes of one violation wait as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, func, select, text, update

from maskcam.store import reading
from maskcam.store.records import MinuteCounts, ViolationRecord
from maskcam.store.tables import CameraRow, CountsRow, SiteCameraRow, ViolationRow

Forwarded = ViolationRecord | MinuteCounts
"""What another store is given."""

# in these words, as SQLite uses an index of some rows only where a query says the same as the index
_VIOLATION_WAITS = text("NOT violations.is_forwarded")
_COUNTS_WAIT = text("NOT counts.is_forwarded")
_OWN_VIOLATION = ViolationRow.camera_id.not_in(select(SiteCameraRow.camera_id))
_OWN_COUNTS = CountsRow.camera_id.not_in(select(SiteCameraRow.camera_id))


def waiting(connection: Connection, *, limit: int, before: datetime | None) -> list[Forwarded]:
    """The oldest of what waits, violations first, without their pictures.

    Args:
        connection: of a transaction.
        limit: at most so many.
        before: counts of minutes that began before only, since later ones still change; None: all.
    """
    chosen = select(ViolationRow.id).where(_VIOLATION_WAITS, _OWN_VIOLATION).order_by(ViolationRow.id)
    ids = list(connection.scalars(chosen.limit(limit)))
    found: list[Forwarded] = [_plain(stored) for stored in reading.violations_of(connection, ids)]
    counts = (
        select(CountsRow.__table__, CameraRow.name.label("camera"))
        .join(CameraRow, CameraRow.id == CountsRow.camera_id)
        .where(_COUNTS_WAIT, _OWN_COUNTS)
        .order_by(CountsRow.minute)
        .limit(limit - len(found))
    )
    if before is not None:
        counts = counts.where(CountsRow.minute < before)
    found += [reading.minute_counts(row) for row in connection.execute(counts)]
    return found


def count(connection: Connection, *, before: datetime | None) -> int:
    """How many violations and minutes wait; see `waiting`."""
    violations = select(func.count()).select_from(ViolationRow).where(_VIOLATION_WAITS, _OWN_VIOLATION)
    minutes = select(func.count()).select_from(CountsRow).where(_COUNTS_WAIT, _OWN_COUNTS)
    if before is not None:
        minutes = minutes.where(CountsRow.minute < before)
    return int(connection.scalar(violations) or 0) + int(connection.scalar(minutes) or 0)


def mark(connection: Connection, rows: Sequence[Forwarded]) -> None:
    """Notes that the other store has these; what has changed meanwhile goes on waiting."""
    for row in rows:
        camera = select(CameraRow.id).where(CameraRow.name == row.camera).scalar_subquery()
        if isinstance(row, MinuteCounts):
            same = (CountsRow.run_id == row.run_id) & (CountsRow.minute == row.minute)
            for name in ("people", "masked", "bare", "incorrect", "unsure"):
                same &= getattr(CountsRow, name) == getattr(row, name)
            changed = update(CountsRow).where(same, CountsRow.camera_id == camera)
        else:
            same = (ViolationRow.run_id == row.run_id) & (ViolationRow.number == row.number)
            same &= ViolationRow.revision == row.revision
            changed = update(ViolationRow).where(same, ViolationRow.camera_id == camera)
        connection.execute(changed.values(is_forwarded=True))


def _plain(stored: ViolationRecord) -> ViolationRecord:
    values = {field.name: getattr(stored, field.name) for field in fields(ViolationRecord)}
    return ViolationRecord(**values | {"pictures": None})
