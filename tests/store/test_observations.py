"""Scores of tracks and heat in the store, over SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from maskcam.store.observations import BARE, RUNS, HourHeat, TrackScores
from maskcam.store.records import Retention, Row
from maskcam.store.spill import SpillFile
from maskcam.store.store import EventStore
from tests.store.rows import NOON, RUN, make_counts, make_record

DAY = timedelta(days=1)


def make_scores(number: int = 1, *, minutes: float = 0.0, camera: str = "door") -> TrackScores:
    started = NOON + timedelta(minutes=minutes)
    runs = np.array([(0, 2000, 60, BARE, 180), (2500, 4000, 60, BARE, 120)], RUNS)
    return TrackScores(
        run_id=RUN,
        camera=camera,
        track_id=number,
        started_ms=round(1000 * started.timestamp()),
        number=None,
        runs=runs.tobytes(),
    )


def make_heat(seen: int = 5, *, camera: str = "door", hour: datetime = NOON, run_id: str = RUN) -> HourHeat:
    return HourHeat(run_id=run_id, camera=camera, hour=hour, cells=((0, seen, 1), (33, 2, 2)))


def test_tracks_come_back_as_arrays(store: EventStore) -> None:
    later = make_scores(2, minutes=5, camera="hall")
    store.record([later, make_scores()])
    found = store.tracks(since=NOON, until=NOON + DAY)
    assert found.tracks == 2
    assert found.runs["first_ms"].tolist() == [0, 2500, 0, 2500]
    assert found.person.tolist() == [0, 0, 1, 1]
    assert [found.cameras[place] for place in found.camera] == ["door", "door", "hall", "hall"]
    assert found.started_ms.tolist() == [make_scores().started_ms] * 2 + [later.started_ms] * 2
    assert store.tracks(since=NOON, until=NOON + DAY, cameras=["hall"]).tracks == 1
    assert store.tracks(since=NOON, until=NOON + DAY, cameras=["nowhere"]).tracks == 0
    assert store.tracks(since=NOON + timedelta(minutes=1), until=NOON + DAY).tracks == 1


def test_tracks_of_one_violation_are_one_person_and_others_are_not(store: EventStore) -> None:
    same = [replace(make_scores(track, minutes=track), number=3) for track in (1, 2)]
    store.record([*same, make_scores(3, minutes=3)])  # track 3 is not violation 3
    store.record([replace(make_scores(1), run_id="f" * 32, number=3)])
    assert store.tracks(since=NOON, until=NOON + DAY).person.tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_what_comes_twice_counts_once(store: EventStore) -> None:
    for _ in range(2):
        store.record([make_scores(), make_heat()])
    store.record([make_heat(3)])  # an older report
    store.record([make_heat(9, run_id="f" * 32)])
    assert store.tracks(since=NOON, until=NOON + DAY).tracks == 1
    heat = store.heat(since=NOON, until=NOON + DAY)["door"]
    assert heat.seen[0, 0] == 14
    assert (heat.seen[1, 1], heat.unsure[1, 1], int(heat.seen.sum())) == (4, 4, 18)


def test_a_run_that_is_done_again_replaces_what_it_saw(store: EventStore) -> None:
    other = "f" * 32
    store.record([make_record(), make_counts(), make_scores(), make_heat()])
    store.record([make_counts(run_id=other), replace(make_scores(), run_id=other), make_heat(run_id=other)])
    store.repeat_run(RUN)
    assert store.tracks(since=NOON, until=NOON + DAY).tracks == 1
    assert [count.people for count in store.counts(since=NOON, until=NOON + DAY)] == [4]
    assert int(store.heat(since=NOON, until=NOON + DAY)["door"].seen.sum()) == 7
    assert store.totals().violations == 1


def test_heat_is_per_camera_and_time(store: EventStore) -> None:
    store.record([make_heat(), make_heat(7, camera="hall", hour=NOON + DAY)])
    assert list(store.heat(since=NOON, until=NOON + DAY)) == ["door"]
    assert list(store.heat(since=NOON, until=NOON + 2 * DAY)) == ["door", "hall"]


def test_tracks_are_kept_like_violations_and_heat_like_counts(store: EventStore) -> None:
    store.record([make_scores(), make_heat()])
    now = NOON + 10 * DAY
    store.prune(Retention(keep_days=11, keep_counts_days=11), now=now)
    assert store.tracks(since=NOON, until=now).tracks == 1
    assert store.heat(since=NOON, until=now)
    store.prune(Retention(keep_days=9), now=now)
    assert store.tracks(since=NOON, until=now).tracks == 0
    assert store.heat(since=NOON, until=now)
    store.prune(Retention(keep_counts_days=9), now=now)
    assert not store.heat(since=NOON, until=now)


def test_they_wait_in_the_file_as_they_are(tmp_path: Path) -> None:
    rows: list[Row] = [make_scores(), make_heat(hour=datetime(2026, 1, 1, tzinfo=UTC))]
    with SpillFile(tmp_path, RUN) as spill:
        spill.append(rows)
        assert list(spill.read()) == rows
