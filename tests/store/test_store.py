"""The same over SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from maskcam.store.records import ClipFile, ClipRecord, Pictures, Retention, StoredTransition, ViolationQuery
from maskcam.store.store import EventStore
from maskcam.types import MaskStatus
from tests.store.conftest import Opener
from tests.store.rows import NOON, RUN, make_counts, make_record


def test_what_goes_in_comes_out(open_store: Opener) -> None:
    record = make_record(
        7,
        camera="Küche/../1 <b>",
        transitions=(
            StoredTransition(MaskStatus.NO_MASK, NOON, NOON + timedelta(seconds=14), 3.0, 17.0),
            StoredTransition(MaskStatus.MASK, NOON + timedelta(seconds=14), None, 17.0, None),
        ),
        pictures=Pictures("2026-05-04/a.jpg", "2026-05-04/a_face.jpg", 1234),
    )
    with open_store() as first:
        first.record([record])
    with open_store() as store:  # another connection, after the tables were made
        (found,) = store.violations()
        assert store.get(found.id) == found
        for name in record.__dataclass_fields__:
            assert getattr(found, name) == getattr(record, name), name
        assert found.key == f"{RUN}/Küche/../1 <b>/7"
        assert not any([found.is_protected, found.is_false_alarm])
        assert store.cameras() == ["Küche/../1 <b>"]
        assert store.get(found.id + 1) is None


def test_a_report_brings_its_violation_up_to_date(store: EventStore) -> None:
    pictures = Pictures("d/a.jpg", "d/a_face.jpg", 10)
    store.record([make_record(seconds=None, pictures=pictures)])
    (before,) = store.violations(ViolationQuery(is_open=True))
    store.protect(before.id)
    later = make_record(revision=2, status=MaskStatus.INCORRECT, started_at=NOON + timedelta(hours=1))
    store.record([later])
    (after,) = store.violations()
    assert (after.id, after.status, after.ended_at) == (before.id, MaskStatus.INCORRECT, later.ended_at)
    assert after.started_at == NOON, "the start stays what it was"
    assert after.pictures == pictures, "no new picture: the old one stays"
    assert after.is_protected
    assert len(after.transitions) == 1
    better = Pictures("d/b.jpg", "d/b_face.jpg", 20)
    store.record([make_record(revision=3, pictures=better)])
    assert store.violations()[0].pictures == better


def test_several_reports_at_once_and_late_ones(store: EventStore) -> None:
    pictures = Pictures("d/a.jpg", "d/a_face.jpg", 10)
    reports = [
        make_record(seconds=None, pictures=pictures),
        make_record(2, seconds=None),
        make_record(revision=5, seconds=9.0),
    ]
    store.record(reports)
    store.record([make_record(revision=3, seconds=None)])  # spilled before a crash, and read again
    first, _ = sorted(store.violations(), key=lambda violation: violation.number)
    assert first.ended_at == NOON + timedelta(seconds=9)
    assert first.pictures == pictures
    assert first.transitions[0].ended_at is not None


def test_same_number_in_another_run_or_camera_is_another_violation(store: EventStore) -> None:
    store.record([make_record(), make_record(camera="gate"), make_record(run_id="f" * 32)])
    assert store.totals().violations == 3
    assert store.totals().by_camera == {"door": 2, "gate": 1}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (ViolationQuery(), [5, 4, 3, 2, 1]),
        (ViolationQuery(since=NOON + timedelta(minutes=2)), [5, 4, 3, 2]),
        (ViolationQuery(until=NOON + timedelta(minutes=2)), [1]),
        (ViolationQuery(cameras=("gate",)), [4, 2]),
        (ViolationQuery(cameras=("nowhere",)), []),
        (ViolationQuery(statuses=(MaskStatus.INCORRECT,)), [3]),
        (ViolationQuery(is_protected=True), [4]),
        (ViolationQuery(is_protected=False, cameras=("gate",)), [2]),
        (ViolationQuery(is_false_alarm=True), [5]),
        (ViolationQuery(is_open=True), [5]),
    ],
)
def test_queries(store: EventStore, query: ViolationQuery, numbers: list[int]) -> None:
    store.record(
        make_record(
            number,
            minutes=number,
            camera="door" if number % 2 else "gate",
            status=MaskStatus.INCORRECT if number == 3 else MaskStatus.NO_MASK,
            seconds=None if number == 5 else 14.0,
        )
        for number in range(1, 6)
    )
    ids = {violation.number: violation.id for violation in store.violations()}
    assert store.protect(ids[4])
    assert store.mark_false_alarm(ids[5])
    assert [violation.number for violation in store.violations(query)] == numbers
    assert [violation.number for violation in store.each(query)] == numbers[::-1]
    assert store.totals(query).violations == len(numbers)


def test_pages(store: EventStore) -> None:
    store.record(make_record(number, minutes=number // 3) for number in range(1, 12))
    pages = []
    last = None
    while page := store.violations(limit=4, after=last):
        pages.append([violation.number for violation in page])
        last = page[-1]
    assert [len(page) for page in pages] == [4, 4, 3]
    assert sorted(number for page in pages for number in page) == list(range(1, 12))


def test_flags_and_removal(store: EventStore) -> None:
    store.record([make_record(), make_record(2)])
    one, two = sorted(violation.id for violation in store.violations())
    assert store.protect(one)
    assert store.protect(one, on=False)
    assert not store.protect(999)
    assert not store.mark_false_alarm(999)
    assert store.delete([one, 999]) == 1
    assert [violation.id for violation in store.violations()] == [two]
    assert store.delete([]) == 0


def test_counts_of_a_run_replace_each_other_and_runs_add_up(store: EventStore) -> None:
    store.record([make_counts(masked=1, bare=0)])
    store.record([make_counts(), make_counts(1), make_counts(camera="gate"), make_counts(run_id="f" * 32)])
    store.record([make_counts(masked=1, bare=0)])  # late: it has seen fewer people
    assert len(store.counts()) == 4
    assert [row.people for row in store.counts(cameras=["door"])] == [4, 4, 4]
    assert store.counts(since=NOON + timedelta(minutes=1)) == [make_counts(1)]
    assert len(store.counts(until=NOON + timedelta(minutes=1))) == 3


def test_times_keep_their_zone(store: EventStore) -> None:
    berlin = datetime.fromisoformat("2026-05-04T14:00:00+02:00")
    store.record([make_record(started_at=berlin)])
    (found,) = store.violations(ViolationQuery(since=berlin, until=berlin + timedelta(seconds=1)))
    assert found.started_at == NOON
    assert found.started_at.tzinfo is not None
    with pytest.raises(ValueError, match="needs its zone"):
        EventStore.violations(store, ViolationQuery(since=datetime(2026, 5, 4)))


def test_nothing_is_written_when_a_row_is_bad(store: EventStore) -> None:
    with pytest.raises(ValueError, match="needs its zone"):
        store.record([make_record(), make_record(2, started_at=datetime(2026, 5, 4))])
    assert store.violations() == []


def test_totals(store: EventStore) -> None:
    assert store.totals().violations == 0
    assert store.totals().first_at is None
    store.record([make_record(), make_record(2, minutes=9, pictures=Pictures("a", "b", 70))])
    totals = store.totals()
    assert (totals.violations, totals.pictures_bytes, totals.protected) == (2, 70, 0)
    assert totals.by_status == {MaskStatus.NO_MASK: 2}
    assert (totals.first_at, totals.last_at) == (NOON, NOON + timedelta(minutes=9))


def saved(store: EventStore, number: int, size: int = 100) -> Pictures:
    return store.media.save(
        frame=b"f" * (size - 10),
        face=b"f" * 10,
        stem="door",
        run_id=RUN,
        serial=number,
        day=NOON + timedelta(days=number),
    )


def test_old_violations_go_with_their_pictures(store: EventStore) -> None:
    for number in range(1, 5):
        store.record([make_record(number, minutes=1440 * number, pictures=saved(store, number))])
    store.record([make_record(9, minutes=1440, seconds=None), make_counts(), make_counts(1440 * 4)])
    ids = {violation.number: violation.id for violation in store.violations()}
    store.protect(ids[1])
    pruned = store.prune(Retention(keep_days=2, keep_counts_days=3), now=NOON + timedelta(days=5, minutes=1))
    assert (pruned.violations, pruned.size_bytes, pruned.counts) == (2, 200, 1)
    left = store.violations()
    assert {violation.number for violation in left} == {1, 4, 9}, "protected, young, reported just now"
    assert {path.name for path in store.media.folder.rglob("*.jpg")} == {
        name.rpartition("/")[2]
        for violation in left
        if violation.pictures
        for name in (violation.pictures.frame, violation.pictures.face)
    }
    assert not (store.media.folder / "2026-05-06").exists(), "an empty folder was left"


def test_too_many_pictures_go_oldest_first_and_their_rows_stay(store: EventStore) -> None:
    for number in range(1, 6):
        store.record([make_record(number, minutes=number, pictures=saved(store, number))])
    ids = {violation.number: violation.id for violation in store.violations()}
    store.protect(ids[1])
    pruned = store.prune(Retention(keep_bytes=250))
    assert (pruned.violations, pruned.stripped, pruned.size_bytes) == (0, 3, 300)
    left = store.violations(newest_first=False)
    assert [violation.pictures is not None for violation in left] == [True, False, False, False, True]
    assert store.totals().pictures_bytes == 200
    assert len(list(store.media.folder.rglob("*.jpg"))) == 4
    again = store.prune(Retention(keep_bytes=50))
    assert again.stripped == 1, "all but the protected one"
    assert store.prune(Retention(keep_bytes=50)).stripped == 0


def test_pruning_goes_in_rounds(store: EventStore) -> None:
    store.record(make_record(number) for number in range(1100))
    late = NOON + timedelta(days=9)
    assert store.prune(Retention(keep_days=1), now=late, rounds=1).violations == 500
    assert store.prune(Retention(keep_days=1), now=late).violations == 600
    assert store.prune(Retention(), now=late).violations == 0


def test_two_processes_may_write_the_same_store(open_store: Opener) -> None:
    one, two = open_store(), open_store()
    for number in range(1, 20):
        one.record([make_record(number)])
        two.record([make_record(number, run_id="f" * 32), replace(make_counts(), run_id="f" * 32)])
    assert one.store_id == two.store_id
    assert one.totals().violations == two.totals().violations == 38


def clipped(store: EventStore, number: int, size: int = 1000, *, run_id: str = RUN) -> ClipRecord:
    """A clip of a violation, whose file is there."""
    name = store.media.save_clip(
        lambda path: path.write_bytes(b"c" * size), stem="door", run_id=run_id, serial=number, day=NOON
    )
    return ClipRecord(run_id=run_id, camera="door", number=number, clip=ClipFile(name, size, 8.5, 3.2))


def files_in(store: EventStore) -> set[str]:
    return {
        path.relative_to(store.media.folder).as_posix()
        for path in store.media.folder.rglob("*")
        if path.suffix in (".jpg", ".mp4")
    }


def test_a_clip_comes_to_its_violation_and_stays(store: EventStore) -> None:
    pictures = Pictures("d/a.jpg", "d/a_face.jpg", 10)
    store.record([make_record(seconds=None, pictures=pictures), make_record(2)])
    clip = clipped(store, 1)
    store.record([clip])
    store.record([make_record(revision=2)])  # a report that comes late, as after a spill
    one, two = sorted(store.violations(), key=lambda violation: violation.number)
    assert (one.clip, one.pictures) == (clip.clip, pictures)
    assert two.clip is None
    assert set(store.files()) == {"d/a.jpg", "d/a_face.jpg", clip.clip.name}
    assert (store.totals().pictures_bytes, store.totals().clips_bytes) == (10, 1000)
    assert store.delete([one.id]) == 1
    assert files_in(store) == set()


def test_a_clip_with_its_violation_in_one_transaction(store: EventStore) -> None:
    clip = clipped(store, 1)
    store.record([clip, make_record()])
    assert store.violations()[0].clip == clip.clip


def test_a_clip_whose_violation_is_gone_goes_too(store: EventStore) -> None:
    store.record([make_record(2)])
    store.record([clipped(store, 1), clipped(store, 2)])
    assert {violation.number: violation.clip is not None for violation in store.violations()} == {2: True}
    assert files_in(store) == set(store.files())


def test_clips_go_before_any_picture_and_oldest_first(store: EventStore) -> None:
    for number in range(1, 5):
        store.record([make_record(number, minutes=number, pictures=saved(store, number))])
        store.record([clipped(store, number)])
    ids = {violation.number: violation.id for violation in store.violations()}
    store.protect(ids[1])
    pruned = store.prune(Retention(keep_bytes=2500))
    assert (pruned.violations, pruned.stripped, pruned.size_bytes) == (0, 2, 2000)
    left = store.violations(newest_first=False)
    assert [violation.clip is not None for violation in left] == [True, False, False, True]
    assert all(violation.pictures for violation in left)
    pruned = store.prune(Retention(keep_bytes=1250))
    assert (pruned.stripped, pruned.size_bytes) == (3, 1200), "one clip, then the two oldest pictures"
    left = store.violations(newest_first=False)
    assert [violation.clip is not None for violation in left] == [True, False, False, False]
    assert [violation.pictures is not None for violation in left] == [True, False, False, True]
    assert files_in(store) == set(store.files())
    store.protect(ids[1], on=False)
    assert store.prune(Retention(keep_days=1)).violations == 4
    assert files_in(store) == set()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_from_before_clips_is_brought_up_to_date(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = str(tmp_path / "events.db")
    if kind == "postgresql":
        target = request.getfixturevalue("postgres").new_url()
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
    old = EventStore.open(target, media=tmp_path / "media")
    statement = text(
        "INSERT INTO violations (run_id, camera_id, number, revision, track_id, status, started_at, started_seconds,"
        " x1, y1, x2, y2, size_bytes, is_protected, is_false_alarm, updated_at) VALUES"
        " ('0123', 1, 7, 1, 1, 'no_mask', '2026-05-04 12:00:00', 3, 1, 2, 3, 4, 0, true, false, '2026-05-04 12:00:00')"
    )
    with old._engine.begin() as connection:
        connection.execute(text("INSERT INTO cameras (name) VALUES ('door')"))
        connection.execute(statement)
        names = [column["name"] for column in inspect(connection).get_columns("violations")]
    assert "clip" not in names
    old.close()
    monkeypatch.undo()
    with EventStore.open(target, media=tmp_path / "media") as store:
        assert store.store_id == old.store_id
        (found,) = store.violations()
        assert (found.number, found.clip, found.is_protected, found.started_at) == (7, None, True, NOON)
        clip = clipped(store, 7, run_id="0123")
        store.record([clip])
        assert store.violations()[0].clip == clip.clip
