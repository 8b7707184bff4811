"""The event store's sink: what it writes, and what it does when it cannot."""

import errno
import logging
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from maskcam.errors import OutputError
from maskcam.sinks.store import StoreSink
from maskcam.store.records import Pictures, Retention, ViolationQuery
from maskcam.store.spill import Leftovers, SpillFile
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, MaskStatus, Transition, Violation, ViolationPhase
from tests.factories import make_frame, make_image, make_result, make_track, make_violation
from tests.postgres import PASSWORD, running_server
from tests.store.rows import RUN, make_counts, make_record
from tests.tools import require_tool

OTHER_RUN = "f" * 32


def open_sink(path: Path, *, run_id: str = RUN, reserve_bytes: int = 0, **options: object) -> StoreSink:
    return StoreSink(EventStore.open(path), run_id=run_id, reserve_bytes=reserve_bytes, **options)  # type: ignore[arg-type]


def result_of(*violations: Violation, camera: str = "door", seconds: float = 4.0) -> FrameResult:
    frame = replace(make_frame(camera=camera, pts_seconds=seconds), captured_seconds=time.monotonic())
    return make_result(frame, (make_track(),), violations)


def write(sink: StoreSink, *violations: Violation, camera: str = "door") -> None:
    result = result_of(*violations, camera=camera)
    sink.write(result, make_image(seed=3) if sink.wants_picture(result) else None)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def files_of(store: EventStore) -> set[str]:
    return {
        path.relative_to(store.media.folder).as_posix()
        for path in store.media.folder.rglob("*")
        if path.is_file() and path.name != "store.id" and not path.name.startswith(".maskcam-run-")
    }


def assert_rows_and_pictures_agree(path: Path, *, count: int) -> None:
    with EventStore.open(path, create=False) as store:
        found = store.violations()
        assert len(found) == count
        assert set(store.files()) == files_of(store)
        for name in store.files():
            assert cv2.imread(str(store.media.path(name))) is not None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def test_a_violation_from_start_to_end(path: Path) -> None:
    before = time.time()
    with open_sink(path) as sink:
        write(sink, make_violation())
        changed = replace(
            make_violation(ViolationPhase.ENDED),
            transitions=(
                Transition(MaskStatus.NO_MASK, 1.25, 3.5),
                Transition(MaskStatus.MASK, 3.5, None),
            ),
        )
        write(sink, changed)
    with EventStore.open(path) as store:
        (found,) = store.violations()
        assert (found.camera, found.number, found.run_id) == ("door", 1, RUN)
        assert found.ended_at is not None
        assert (found.ended_at - found.started_at).total_seconds() == pytest.approx(2.25)
        # the frame at 4.0 s was captured just now, and the violation began at 1.25 s
        assert before - 2.75 - 1 < found.started_at.timestamp() < time.time() - 2.75 + 1
        assert [change.status for change in found.transitions] == [MaskStatus.NO_MASK, MaskStatus.MASK]
        assert found.transitions[0].ended_at == found.ended_at
        assert found.pictures is not None
        face = cv2.imread(str(store.media.path(found.pictures.face)))
        assert face.shape[:2] == (126, 108), "the box of 60x70 with 40% around it"
        assert store.media.path(found.pictures.frame).stat().st_size < found.pictures.size_bytes
        (counts,) = store.counts()
        assert (counts.people, counts.bare) == (1, 1)
    assert not list(path.parent.glob(".*")), "the file of the run was left"


def test_a_better_view_replaces_the_pictures(path: Path) -> None:
    with open_sink(path) as sink:
        for phase in (ViolationPhase.STARTED, ViolationPhase.UPDATED, ViolationPhase.UPDATED):
            write(sink, make_violation(phase))
            time.sleep(0.2)  # so that some of them are committed on their own
    assert_rows_and_pictures_agree(path, count=1)


def test_what_ends_with_its_source(path: Path) -> None:
    with open_sink(path) as sink:
        write(sink, make_violation())
        sink.finish(
            [make_violation(ViolationPhase.ENDED), make_violation(ViolationPhase.ENDED, violation_id=2)]
        )
    with EventStore.open(path) as store:
        assert store.totals(ViolationQuery(is_open=False)).violations == 2
        for found in store.violations():
            assert found.ended_at is not None
            assert (found.ended_at - found.started_at).total_seconds() == pytest.approx(2.25)


def test_without_pictures(path: Path) -> None:
    with open_sink(path, pictures=False) as sink:
        assert not sink.wants_picture(result_of(make_violation()))
        write(sink, make_violation())
    with EventStore.open(path) as store:
        assert store.violations()[0].pictures is None
        assert files_of(store) == set()


@pytest.mark.parametrize("name", ["../../etc/x", "ward/3", "a\\b", "C:", "naïve\udcff", "\0", "x" * 300, "."])
def test_any_name_of_a_camera(path: Path, name: str) -> None:
    with open_sink(path) as sink:
        write(sink, replace(make_violation(), camera=name), camera=name)
    assert_rows_and_pictures_agree(path, count=1)
    assert {file.parent.parent for file in path.parent.rglob("*.jpg")} == {path.parent / "events.media"}


def test_a_locked_database_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.store.engine.BUSY_SECONDS", 0.05)
    with open_sink(path) as sink:
        write(sink, make_violation())
        wait_until(lambda: sink._store.totals().violations == 1)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        for number in range(2, 30):
            write(sink, make_violation(violation_id=number))
            time.sleep(0.01)
        wait_until(lambda: not sink._spill.is_empty)
        assert sink._store.totals().violations == 1
        holder.execute("ROLLBACK")
        holder.close()
        # no frame comes any more, and it is written all the same
        wait_until(lambda: sink._store.totals().violations == 29)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2, warnings
    assert "locked by another program" in warnings[0]
    assert "can be written again" in warnings[1]
    assert_rows_and_pictures_agree(path, count=29)


def test_a_server_that_is_away_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.store.journal._LONGEST_WAIT_SECONDS", 1.0)
    with running_server() as server:
        url = server.new_url()
        with StoreSink(EventStore.open(url, media=tmp_path), run_id=RUN, reserve_bytes=0) as sink:
            write(sink, make_violation())
            wait_until(lambda: sink._store.totals().violations == 1)
            server.stop()
            for number in range(2, 10):
                write(sink, make_violation(violation_id=number))
            wait_until(lambda: not sink._spill.is_empty)
            server.start()
            wait_until(lambda: sink._spill.is_empty)
            assert sink._store.totals().violations == 9
            assert set(sink._store.files()) == files_of(sink._store)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2, warnings
    assert "does not answer" in warnings[0]
    assert PASSWORD not in caplog.text


def test_what_a_locked_database_did_not_take_is_written_by_the_next_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.store.engine.BUSY_SECONDS", 0.05)
    sink = open_sink(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    write(sink, make_violation())
    sink.close()
    assert "the next run with this event store writes them" in caplog.text
    holder.execute("ROLLBACK")
    holder.close()
    with EventStore.open(path) as store:
        assert store.totals().violations == 0
    with open_sink(path, run_id=OTHER_RUN) as sink:
        wait_until(lambda: sink._has_recovered)
    assert_rows_and_pictures_agree(path, count=1)
    assert not list(path.parent.glob(".*"))


def test_orphans_of_a_run_that_was_killed_are_swept(path: Path) -> None:
    with open_sink(path) as sink:
        write(sink, make_violation())
    with EventStore.open(path) as store:
        day = store.media.folder / "2020-01-01"
        day.mkdir()
        orphan = day / f"door_00001_{RUN[:12]}_9.jpg"
        partial = day / f".door_00001_{RUN[:12]}_9_face.jpg.partial"
        strangers = [day / "holiday.jpg", store.media.folder / "notes.txt"]
        for file in (orphan, partial, *strangers):
            file.write_text("x")
        living = SpillFile(path.parent, OTHER_RUN)
        kept = day / f"door_00001_{OTHER_RUN[:12]}_1.jpg"
        kept.write_text("not committed yet")
    with open_sink(path, run_id="a" * 32) as sink:
        wait_until(lambda: sink._has_recovered)
    living.close()
    assert not orphan.exists()
    assert not partial.exists()
    assert kept.exists(), "the other run still goes on"
    assert all(stranger.exists() for stranger in strangers)


def test_what_a_killed_run_left_open_is_ended(path: Path) -> None:
    with EventStore.open(path) as store:
        store.record([make_record(seconds=None), make_record(seconds=None, run_id=OTHER_RUN)])
    path.with_name(f".maskcam-run-{RUN}.jsonl").touch()  # nobody holds it
    with SpillFile(path.parent, OTHER_RUN), open_sink(path, run_id="a" * 32) as sink:
        wait_until(lambda: sink._has_recovered)
        by_run = {violation.run_id: violation for violation in sink._store.violations()}
    ended = by_run[RUN]
    assert ended.ended_at == ended.updated_at == ended.transitions[0].ended_at
    assert ended.ended_seconds is not None
    assert ended.ended_seconds > ended.started_seconds
    assert by_run[OTHER_RUN].ended_at is None, "that run goes on"


def test_a_clock_that_is_put_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    with open_sink(path) as sink:
        write(sink, make_violation())
        monkeypatch.setattr(time, "time", lambda: now - 7200)
        write(sink, make_violation(ViolationPhase.ENDED), make_violation(violation_id=2, track_id=2))
        monkeypatch.setattr(time, "time", lambda: now)
        write(sink)
    with EventStore.open(path) as store:
        first, second = sorted(store.violations(), key=lambda violation: violation.number)
        assert first.ended_at is not None
        assert (first.ended_at - first.started_at).total_seconds() == pytest.approx(2.25)
        assert (first.started_at - second.started_at).total_seconds() == pytest.approx(7200, abs=5)
        assert sum(row.people for row in store.counts()) == 3, "a row for each stretch of the clock"


def test_two_runs_on_one_store(path: Path) -> None:
    with open_sink(path) as one, open_sink(path, run_id=OTHER_RUN) as two:
        for number in range(1, 20):
            write(one, make_violation(violation_id=number))
            write(two, make_violation(violation_id=number))
    assert_rows_and_pictures_agree(path, count=38)
    with EventStore.open(path) as store:
        assert sum(row.people for row in store.counts()) >= 2


def test_the_same_run_twice_is_refused(path: Path) -> None:
    store = EventStore.open(path)
    with open_sink(path), pytest.raises(OutputError, match="another process has the same run"):
        StoreSink(store, run_id=RUN)
    store.close()


def test_retention_is_looked_after(path: Path) -> None:
    with EventStore.open(path) as store:
        store.record(make_record(number) for number in range(600))
    with open_sink(path, run_id=OTHER_RUN, retention=Retention(keep_days=1)) as sink:
        wait_until(lambda: sink._store.totals().violations == 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount, umount = require_tool("mount"), require_tool("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run([umount, "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    ballast = folder / "ballast"
    statistics = os.statvfs(folder)
    ballast.write_bytes(b"x" * max(statistics.f_bavail * statistics.f_frsize - leave, 0))
    return ballast


def test_a_disk_that_fills_up_costs_pictures_and_no_violation(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.sinks.room._PAUSE_SECONDS", 0.3)
    path = small_disk / "events.db"
    with open_sink(path, reserve_bytes=1_000_000) as sink:
        write(sink, make_violation())
        wait_until(lambda: sink._store.totals().violations == 1)
        ballast = fill(small_disk, leave=600_000)
        for number in range(2, 40):
            write(sink, make_violation(violation_id=number))
            time.sleep(0.02)
        wait_until(lambda: sink._store.totals().violations == 39)
        ballast.unlink()
        time.sleep(0.4)
        write(sink, make_violation(violation_id=40))
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2, warnings
    assert "no space left" in warnings[0]
    assert "again" in warnings[1]
    with EventStore.open(path) as store:
        with_pictures = [v.number for v in store.violations(newest_first=False) if v.pictures]
        assert with_pictures[0] == 1
        assert with_pictures[-1] == 40
        assert len(with_pictures) < 10
    assert_rows_and_pictures_agree(path, count=40)


def test_a_disk_without_any_room_keeps_rows_in_memory(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.store.journal._LONGEST_WAIT_SECONDS", 1.0)
    path = small_disk / "events.db"
    with open_sink(path) as sink:
        wait_until(lambda: sink._has_recovered)
        ballast = fill(small_disk, leave=0)
        for number in range(1, 300):
            write(sink, replace(make_violation(violation_id=number), is_best_view=False))
        wait_until(lambda: "in memory only" in caplog.text)
        ballast.unlink()
        wait_until(lambda: sink._store.totals().violations == 299)
    assert sum("no space left" in record.getMessage() for record in caplog.records) == 2, "database and file"
    assert_rows_and_pictures_agree(path, count=299)


def test_a_picture_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from maskcam.store import media

    original = media._write

    def fail_at_faces(file: Path, data: bytes, *, is_lasting: bool) -> None:
        if file.name.endswith("_face.jpg"):
            raise OSError(errno.EIO, "Input/output error")
        original(file, data, is_lasting=is_lasting)

    monkeypatch.setattr(media, "_write", fail_at_faces)
    with open_sink(path) as sink:
        for number in range(1, 5):
            write(sink, make_violation(violation_id=number))
            time.sleep(0.15)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "input/output error" in caplog.text
    assert_rows_and_pictures_agree(path, count=4)


def test_too_many_pictures_in_memory_are_left_out(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.sinks.store._WAITING_BYTES", 300_000)
    with open_sink(path) as sink:
        for number in range(1, 60):
            write(sink, make_violation(violation_id=number))
    assert len(caplog.records) == 1
    assert "faster than they can be saved" in caplog.text
    assert_rows_and_pictures_agree(path, count=59)


def test_a_file_cut_short_is_read_up_to_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SpillFile(tmp_path, RUN) as spill:
        spill.append(
            [make_record(seconds=None), make_counts(), make_record(2, pictures=Pictures("a", "b", 3))]
        )
        with spill.path.open("ab") as file:
            file.write(b'{"violation": {"run_id": "0123')
    taken = [row for run_id, part in Leftovers(tmp_path).take() for row in part if run_id == RUN]
    assert taken == [make_record(seconds=None), make_counts(), make_record(2, pictures=Pictures("a", "b", 3))]
    assert "1 damaged lines" in caplog.text
    assert list(tmp_path.iterdir()) == []
