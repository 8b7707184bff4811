"""What waits for another store, and what comes from other sites, over SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from maskcam.store.forwarding import Forwarded
from maskcam.store.records import Pictures, ViolationQuery
from maskcam.store.sites import Report
from maskcam.store.store import EventStore
from tests.store.rows import NOON, RUN, make_counts, make_record

REPORT = Report(waiting=0, version="1.0")


def test_everything_waits_until_it_is_marked(store: EventStore) -> None:
    pictures = Pictures("d/a.jpg", "d/a_face.jpg", 10)
    store.record([make_record(pictures=pictures), make_counts(0), make_counts(1), make_counts(2)])
    rows, waiting = store.waiting(limit=10)
    assert rows == [make_record(), *map(make_counts, range(3))], "without pictures: they stay"
    assert waiting == 4
    assert store.waiting(limit=2) == (rows[:2], 4)
    assert store.waiting(limit=10, before=NOON + timedelta(minutes=1)) == (rows[:2], 2)
    store.mark_forwarded(rows[:3])
    assert store.waiting(limit=10) == ([make_counts(2)], 1)


def test_what_changes_while_it_is_sent_goes_on_waiting(store: EventStore) -> None:
    store.record([make_record(seconds=None), make_counts()])
    rows, _ = store.waiting(limit=10)
    store.record([make_record(revision=2), make_counts(bare=4)])
    store.mark_forwarded(rows)
    again, _ = store.waiting(limit=10)
    assert again == [make_record(revision=2), make_counts(bare=4)]
    store.mark_forwarded(again)
    assert store.waiting(limit=10) == ([], 0)
    store.record([make_record(revision=3, seconds=20.0)])
    assert store.waiting(limit=10) == ([make_record(revision=3, seconds=20.0)], 1)


def test_the_end_of_a_run_that_was_killed_waits_as_a_new_revision(store: EventStore) -> None:
    store.record([make_record(seconds=None)])
    store.mark_forwarded(store.waiting(limit=10)[0])
    store.end_run(RUN)
    ((ended,), _) = store.waiting(limit=10)
    assert (ended.revision, ended.ended_at is None) == (2, False)  # type: ignore[union-attr]


def test_a_site_is_written_once_however_often_it_says_it(store: EventStore) -> None:
    rows: list[Forwarded] = [make_record(seconds=None), make_counts()]
    for _ in range(2):
        store.record_site("north", REPORT, rows)
    store.record_site("north", REPORT, [make_record(revision=2)])
    store.record_site("north", REPORT, rows)  # comes late
    (found,) = store.violations()
    assert (found.camera, found.ended_at) == ("north/door", NOON + timedelta(seconds=14))
    assert [(row.camera, row.people) for row in store.counts()] == [("north/door", 4)]
    assert store.waiting(limit=10) == ([], 0), "what came from a site is not forwarded further"


def test_sites_keep_apart_and_tell_how_they_are_doing(store: EventStore) -> None:
    store.record([make_record(), make_counts()])  # of our own
    report = Report(waiting=7, cameras={"door": 4.0, "hall": None}, version="1.0")
    store.record_site("south", report, [make_record(run_id="a" * 32), make_counts(run_id="a" * 32)])
    store.record_site("north", REPORT, [make_record(run_id="b" * 32), make_record(2, run_id="b" * 32)])
    now = datetime.now(UTC)
    north, south = store.sites(midnight=NOON)
    assert (north.name, north.violations, north.waiting, north.is_silent) == ("north", 2, 0, False)
    assert (south.name, south.violations, south.waiting, south.version) == ("south", 1, 7, "1.0")
    door, hall = south.cameras
    assert (door.name, hall.name, hall.seen_at) == ("south/door", "south/hall", None)
    assert door.seen_at is not None
    assert abs(now - timedelta(seconds=4) - door.seen_at) < timedelta(minutes=1)
    assert south.compliance.people == 0, "those counts are older than a day"
    assert store.site_cameras("south") == ["south/door", "south/hall"]
    assert store.site_cameras("east") == []
    assert store.site_names() == ["north", "south"]
    assert store.totals(ViolationQuery(cameras=("south/door",))).violations == 1
    store.record_site("south", REPORT, [])
    assert store.sites(midnight=NOON)[1].cameras[0].seen_at == door.seen_at, "a later report may not know"


def test_shares_are_of_the_last_day_and_silence_is_noted(store: EventStore) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    store.record_site("north", REPORT, [replace(make_counts(), minute=now - timedelta(hours=1))])
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE sites SET heard_at = '2026-01-01 00:00:00'"))
    (north,) = store.sites(midnight=now)
    assert (north.compliance.people, north.compliance.rate) == (4, 0.75)
    assert north.is_silent
    assert north.heard_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_waits_is_found_without_looking_at_the_rest(store: EventStore) -> None:
    if store.name.startswith("postgresql"):
        return  # its planner reads small tables whole, whatever indexes there are
    for table in ("violations", "counts"):
        with store._engine.connect() as connection:
            plan = connection.execute(
                text(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE NOT {table}.is_forwarded")
            )
            assert f"ix_{table}_to_forward" in str(plan.all())
