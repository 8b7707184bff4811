"""Clips in the event store: rows and files agree, whatever happens; they are the first to go when room is short."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.store import StoreSink
from maskcam.store.records import StoredViolation
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, Violation
from tests.factories import make_image
from tests.sinks.browser import play
from tests.sinks.clips import ended, look, results, started, with_violations
from tests.sinks.test_store import RUN, assert_rows_and_pictures_agree, fill, small_disk, wait_until
from tests.store.rows import NOON

__all__ = ["small_disk"]

OPTIONS = ClipOptions(pre_seconds=2, post_seconds=1, longest_seconds=8, delay_seconds=0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def open_sink(path: Path, *, clips_reserve_bytes: int = 0, reserve_bytes: int = 0) -> StoreSink:
    return StoreSink(
        EventStore.open(path),
        run_id=RUN,
        clips=OPTIONS,
        clips_reserve_bytes=clips_reserve_bytes,
        reserve_bytes=reserve_bytes,
        is_patient=True,
    )


def write(sink: StoreSink, shown: Iterable[FrameResult]) -> None:
    for result in shown:
        sink.write(result, make_image(seed=3) if sink.wants_picture(result) else None)


def stored(path: Path) -> list[StoredViolation]:
    with EventStore.open(path, create=False) as store:
        return store.violations(newest_first=False)


@pytest.mark.parametrize("encodes", [True, False], ids=["copied", "encoded"])
@pytest.mark.parametrize("camera", ["door", "../../etc/x", "a/b\\c", "\0", "naïve\udcff"])
def test_a_clip_of_a_violation(path: Path, encodes: bool, camera: str) -> None:
    person = started(4.5, camera=camera)
    reports = {5.0: [person], 6.5: [ended(person, 6.0)]}
    with open_sink(path) as sink:
        write(sink, with_violations(results(10, camera=camera, encodes=encodes), reports))
    (found,) = stored(path)
    assert found.clip is not None
    assert found.pictures is not None
    file = path.parent / "events.media" / found.clip.name
    assert file.parent.parent == path.parent / "events.media"
    assert found.clip.size_bytes == file.stat().st_size
    # from the key picture before 2.5 s to the picture at 7.0 s, which is shown for a tenth of a second
    assert found.clip.seconds == pytest.approx(5.1, abs=0.02)
    assert found.clip.lead_seconds == pytest.approx(2.5, abs=0.02)
    assert len(look(file)) == 51
    assert [entry.suffix for entry in file.parent.iterdir()].count(".partial") == 0


def test_it_comes_while_the_camera_goes_on(path: Path) -> None:
    person = started(2.5)
    with open_sink(path) as sink:
        write(sink, with_violations(results(6), {3.0: [person], 4.0: [ended(person, 3.5)]}))
        wait_until(lambda: any(violation.clip for violation in sink._store.violations()))


def test_what_is_interrupted_has_what_there_is(path: Path) -> None:
    person = started(2.5)
    with open_sink(path) as sink:
        write(sink, with_violations(results(4), {3.0: [person]}))
        sink.finish([ended(person, 3.9)])
    (found,) = stored(path)
    assert found.clip is not None
    assert found.clip.seconds == pytest.approx(4.0, abs=0.02)


def test_a_camera_that_comes_back_with_another_size(path: Path) -> None:
    def shown() -> Iterable[FrameResult]:
        yield from results(5)
        yield from results(5, start=5.2, size_wh=(160, 120))

    with open_sink(path) as sink:
        write(sink, with_violations(iter(shown()), {5.4: [started(5.2)]}))
    (found,) = stored(path)
    assert found.clip is not None
    pictures = look(path.parent / "events.media" / found.clip.name)
    assert {(picture.width, picture.height) for picture in pictures} == {(160, 120)}
    assert found.clip.lead_seconds == 0


def test_clips_go_first_when_the_disk_fills_up_then_pictures_never_the_log(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskcam.sinks.room._PAUSE_SECONDS", 0.2)
    path = small_disk / "events.db"

    def one(number: int) -> tuple[bool, bool]:
        person = started(2.0, number=number)
        write(sink, with_violations(results(4), {2.2: [person], 2.5: [ended(person, 2.4)]}))
        wait_until(lambda: sink._store.totals().violations == number)
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            (found,) = sink._store.violations(limit=1)
            if found.clip:
                break
            time.sleep(0.05)
        return found.pictures is not None, found.clip is not None

    with open_sink(path, clips_reserve_bytes=1_200_000, reserve_bytes=600_000) as sink:
        assert one(1) == (True, True)
        ballast = fill(small_disk, leave=1_000_000)
        assert one(2) == (True, False)
        ballast.unlink()
        ballast = fill(small_disk, leave=500_000)
        assert one(3) == (False, False)
        ballast.unlink()
        time.sleep(0.3)
        assert one(4) == (True, True)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 4, warnings
    assert warnings[0].startswith("clips cannot be saved")
    assert warnings[1].startswith("pictures cannot be saved")
    assert {warning.split()[0] for warning in warnings[2:]} == {"clips", "pictures"}
    with EventStore.open(path) as store:
        assert {name for name in store.files() if name.endswith("mp4")} == {
            file.relative_to(store.media.folder).as_posix() for file in store.media.folder.rglob("*.mp4")
        }


def test_a_disk_that_is_full_in_the_middle_of_a_clip_leaves_nothing(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = small_disk / "events.db"
    with open_sink(path) as sink:
        wait_until(lambda: sink._has_recovered)
        ballast = fill(small_disk, leave=30_000)
        person = started(2.0)
        write(
            sink, with_violations(results(4, size_wh=(640, 480)), {2.2: [person], 2.5: [ended(person, 2.4)]})
        )
        wait_until(lambda: "clips cannot be saved" in caplog.text)
        ballast.unlink()
    assert not list(small_disk.rglob("*.mp4*"))
    (found,) = stored(path)
    assert found.clip is None


def test_clips_of_a_run_that_was_killed_are_swept(path: Path) -> None:
    with EventStore.open(path) as store:
        store.media.claim(store.store_id)
        name = store.media.save_clip(
            lambda file: file.write_bytes(b"x"),
            stem="door",
            run_id="f" * 32,
            serial=1,
            day=NOON,
        )
        orphan = store.media.path(name)
        half = orphan.with_name(f".door_00002_{'f' * 12}_2.mp4.partial")
        half.write_bytes(b"x")
        film = orphan.with_name("holiday.mp4")
        film.write_bytes(b"x")
    with open_sink(path) as sink:
        wait_until(lambda: sink._has_recovered)
    assert not orphan.exists()
    assert not half.exists()
    assert film.exists()


def test_damaged_pictures_cost_one_warning_and_no_violation(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged() -> Iterable[FrameResult]:
        for result in results(6):
            broken = tuple(
                replace(picture, data=b"\0\0\0\1\x67" + bytes(50)) for picture in result.frame.encoded or ()
            )
            yield replace(result, frame=replace(result.frame, encoded=broken))

    people: list[Violation] = [started(2.0), started(3.0, number=2)]
    with open_sink(path) as sink:
        write(sink, with_violations(iter(damaged()), {3.0: people}))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "a clip of door cannot be written" in caplog.text
    assert_rows_and_pictures_agree(path, count=2)


def test_a_browser_plays_it(path: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the program chromium: apt-get install chromium")
    person = started(4.5)
    with open_sink(path) as sink:
        write(sink, with_violations(results(10), {5.0: [person], 6.5: [ended(person, 6.0)]}))
    (found,) = stored(path)
    assert found.clip is not None
    frames, seconds = play(chromium, path.parent / "events.media" / found.clip.name, profile=tmp_path / "p")
    assert frames > 0
    assert seconds == pytest.approx(found.clip.seconds, abs=0.2)
