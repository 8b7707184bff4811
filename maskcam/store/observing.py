"""Rows of what was seen of people beyond their violations: in, out, and away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from maskcam.store.observations import GRID_WH, RUNS, Heat, HourHeat, StoredTracks, TrackScores
from maskcam.store.records import Retention
from maskcam.store.tables import CameraRow, HeatRow, TrackRow


def write_tracks(connection: Connection, tracks: Sequence[TrackScores], cameras: dict[str, int]) -> None:
    """Adds tracks; what is there already, since it was spilled before a crash, is left as it is."""
    values = [
        {
            "run_id": track.run_id,
            "camera_id": cameras[track.camera],
            "track_id": track.track_id,
            "started_ms": track.started_ms,
            "number": track.number,
            "runs": track.runs,
        }
        for track in tracks
    ]
    connection.execute(_insert(connection, TrackRow).on_conflict_do_nothing(), values)


def write_heat(connection: Connection, hours: Sequence[HourHeat], cameras: dict[str, int]) -> None:
    """Adds hours, or brings them up to date."""
    new = _insert(connection, HeatRow)
    # an older report, spilled before a crash, has seen fewer
    upsert = new.on_conflict_do_update(
        index_elements=["hour", "camera_id", "run_id"],
        set_={"cells": new.excluded.cells, "seen": new.excluded.seen},
        where=new.excluded.seen >= HeatRow.seen,
    )
    values = [
        {
            "hour": hour.hour,
            "camera_id": cameras[hour.camera],
            "run_id": hour.run_id,
            "seen": sum(seen for _, seen, _ in hour.cells),
            "cells": [list(cell) for cell in hour.cells],
        }
        for hour in hours
    ]
    connection.execute(upsert, values)


def tracks(
    connection: Connection, *, since: datetime, until: datetime, cameras: Sequence[str]
) -> StoredTracks:
    """See `EventStore.tracks`."""
    wanted = (
        select(
            TrackRow.camera_id,
            TrackRow.run_id,
            TrackRow.number,
            TrackRow.track_id,
            TrackRow.started_ms,
            TrackRow.runs,
        )
        .where(TrackRow.started_ms >= _ms(since), TrackRow.started_ms < _ms(until))
        .order_by(TrackRow.started_ms)
    )
    names = dict(connection.execute(select(CameraRow.id, CameraRow.name)).all())
    if cameras:
        wanted = wanted.where(TrackRow.camera_id.in_([n for n, name in names.items() if name in cameras]))
    rows = connection.execute(wanted).all()
    places = {number: place for place, number in enumerate(names)}
    people: dict[tuple[object, ...], int] = {}
    # a violation and a track may have the same number: the fourth place tells them apart
    numbers = [
        people.setdefault((run, camera, track if number is None else number, number is None), len(people))
        for camera, run, number, track, _, _ in rows
    ]
    counts = np.array([len(row[5]) // RUNS.itemsize for row in rows], np.int64)
    return StoredTracks(
        runs=np.frombuffer(b"".join(row[5] for row in rows), RUNS),
        started_ms=np.repeat(np.array([row[4] for row in rows], np.int64), counts),
        person=np.repeat(np.array(numbers, np.int64), counts),
        camera=np.repeat(np.array([places[row[0]] for row in rows], np.int64), counts),
        cameras=tuple(names.values()),
        tracks=len(rows),
    )


def heat(connection: Connection, *, since: datetime, until: datetime) -> dict[str, Heat]:
    """See `EventStore.heat`."""
    wanted = (
        select(CameraRow.name, HeatRow.cells)
        .join(CameraRow, CameraRow.id == HeatRow.camera_id)
        .where(HeatRow.hour >= since, HeatRow.hour < until)
        .order_by(CameraRow.name)
    )
    across, down = GRID_WH
    found: dict[str, Heat] = {}
    for name, cells in connection.execute(wanted):
        if name not in found:
            found[name] = Heat(np.zeros((down, across), np.int64), np.zeros((down, across), np.int64))
        if cells:
            at, seen, unsure = np.array(cells, np.int64).T
            found[name].seen.reshape(-1)[at] += seen
            found[name].unsure.reshape(-1)[at] += unsure
    return found


def forget(connection: Connection, retention: Retention, now: datetime) -> int:
    """Removes what is past its days, tracks like violations and heat like counts; how many rows."""
    removed = 0
    if retention.keep_days:
        limit_ms = _ms(now - timedelta(days=retention.keep_days))
        removed += connection.execute(delete(TrackRow).where(TrackRow.started_ms < limit_ms)).rowcount
    if retention.keep_counts_days:
        limit = now - timedelta(days=retention.keep_counts_days)
        removed += connection.execute(delete(HeatRow).where(HeatRow.hour < limit)).rowcount
    return removed


def _ms(time: datetime) -> int:
    return round(1000 * time.timestamp())


def _insert(connection: Connection, table: Any) -> Any:  # noqa: ANN401  the two share no base with on_conflict_...
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
