"""The same over SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from maskcam.store.records import Pictures, Retention, StoredTransition, ViolationQuery
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
