from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from maskcam import feeds, live, readings
from maskcam.errors import (
    InputError,
    MaskcamError,
    MissingLibraryError,
    SourceError,
    SourceNotFoundError,
    StreamFault,
    StreamLostError,
)
from maskcam.feeds import Backoff, Feed, FeedState, Pace
from maskcam.live import LiveReader
from maskcam.pixels import ArrayPixels
from maskcam.sources.base import Source, SourceInfo
from maskcam.sources.synthetic import SyntheticSource
from maskcam.types import Frame


class FakeSource(Source):
    """Frames in reach of the test: waits before those in `gates`, then raises `error` if there is one."""

    def __init__(
        self,
        name: str,
        *,
        frame_count: int = 0,
        is_live: bool = True,
        gates: dict[int, threading.Event] | None = None,
        error: Exception | None = None,
        captured_seconds: float = 0.0,
    ) -> None:
        self.info = SourceInfo(name=name, is_live=is_live)
        self.closed_by: list[str] = []
        self.read_count = 0
        self._frame_count = frame_count
        self._gates = gates or {}
        self._error = error
        self._captured_seconds = captured_seconds

    def frames(self) -> Iterator[Frame]:
        for index in range(self._frame_count + 1):
            if index in self._gates:
                self._gates[index].wait(10)
            if index < self._frame_count:
                self.read_count += 1
                captured_seconds = self._captured_seconds + index / 10
                yield Frame(
                    ArrayPixels(np.zeros((2, 2, 3), np.uint8)),
                    index,
                    index / 10,
                    captured_seconds,
                    self.info.name,
                )
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed_by.append(threading.current_thread().name)


def feed(source: Source, *, is_camera: bool = False, analysis_fps: float | None = None) -> Feed:
    return Feed(name=source.info.name, open=lambda: source, is_camera=is_camera, analysis_fps=analysis_fps)


def reopened(
    name: str, *openings: Source | MaskcamError | Callable[[], Source], fps: float | None = None
) -> Feed:
    """A camera: each opening in turn gives a source or fails; after the last one it refuses for ever."""
    script = iter(openings)

    def open_next() -> Source:
        opening = next(script, SourceError(f"{name} is refused.", fault=StreamFault.REFUSED))
        if isinstance(opening, MaskcamError):
            raise opening
        return opening if isinstance(opening, Source) else opening()

    return Feed(name=name, open=open_next, analysis_fps=fps)


def states(reader: LiveReader) -> dict[str, FeedState]:
    return {name: health.state for name, health in reader.health().items()}


def wait_until(condition: object) -> None:
    """Waits until `condition()` holds, 5 s at most."""
    assert callable(condition)
    deadline_seconds = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline_seconds, "waited in vain"
        time.sleep(0.002)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_FIRST_WAIT_SECONDS", 0.01)


def test_recordings_lose_nothing_however_slow_the_reader() -> None:
    sources = [
        SyntheticSource(size_wh=(8, 8), fps=25, frame_count=frame_count, name=f"file {frame_count}")
        for frame_count in (5, 9)
    ]
    seen: dict[str, list[int]] = {"file 5": [], "file 9": []}
    with LiveReader([feed(source) for source in sources]) as reader:
        for batch in reader.batches():
            assert len({frame.camera for frame in batch}) == len(batch)
            for frame in batch:
                seen[frame.camera].append(frame.index)
            time.sleep(0.005)
    assert seen == {"file 5": list(range(5)), "file 9": list(range(9))}
    health = reader.health()
    assert {(h.state, h.reason, h.dropped, h.is_live) for h in health.values()} == {
        (FeedState.ENDED, None, 0, False)
    }
    assert [health[name].captured for name in seen] == [5, 9]


def test_of_a_live_source_only_the_newest_frame_counts() -> None:
    gate = threading.Event()
    camera = FakeSource("cam", frame_count=8, gates={7: gate})
    with LiveReader([feed(camera)]) as reader:
        wait_until(lambda: reader.health()["cam"].dropped == 6)
        batches = reader.batches()
        assert [frame.index for frame in next(batches)] == [6]
        gate.set()
        assert [frame.index for batch in batches for frame in batch] == [7]
    assert (reader.health()["cam"].captured, reader.health()["cam"].dropped) == (8, 6)


def test_a_recording_is_not_read_ahead_without_bound() -> None:
    recording = FakeSource("file", frame_count=50, is_live=False)
    with LiveReader([feed(recording)]) as reader:
        wait_until(lambda: recording.read_count == 2)
        next(reader.batches())
        wait_until(lambda: recording.read_count == 3)
    assert recording.read_count == 3


def test_one_dead_camera_does_not_stop_the_others() -> None:
    lost = SourceError("cam 1 is damaged.")
    gate = threading.Event()
    sources = [
        FakeSource("cam 1", frame_count=1, error=lost),
        FakeSource("cam 2", frame_count=3, gates={2: gate}),
    ]
    indices = []
    with LiveReader([feed(source) for source in sources]) as reader:
        for batch in reader.batches():
            indices += [frame.index for frame in batch if frame.camera == "cam 2"]
            if states(reader)["cam 1"] is FeedState.FAILED:
                gate.set()
    assert indices[-1] == 2
    assert reader.health()["cam 1"].reason == "cam 1 is damaged."
    assert states(reader) == {"cam 1": FeedState.FAILED, "cam 2": FeedState.ENDED}


def test_the_reader_is_told_at_once_when_a_source_fails() -> None:
    gate = threading.Event()
    sources = [FakeSource("still", gates={0: gate}), FakeSource("broken", error=SourceError("gone."))]
    with LiveReader([feed(source) for source in sources]) as reader:
        start_seconds = time.monotonic()
        assert next(reader.batches(idle_seconds=5)) == []
        assert time.monotonic() - start_seconds < 2
        assert states(reader)["broken"] is FeedState.FAILED
        gate.set()


def test_a_lost_camera_is_opened_again_and_its_time_goes_on() -> None:
    lost = StreamLostError("cam hung up.", fault=StreamFault.ENDED)
    first = FakeSource("cam", frame_count=3, error=lost, captured_seconds=100.0)
    second = FakeSource("cam", frame_count=2, error=lost, captured_seconds=160.0)
    refused = SourceError("cam refuses.", fault=StreamFault.REFUSED)
    frames: list[Frame] = []
    with LiveReader([reopened("cam", first, refused, refused, second)]) as reader:
        for batch in reader.batches():
            frames += batch
            health = reader.health()["cam"]
            if health.captured == 5 and health.fault is StreamFault.REFUSED:
                break
    assert (health.state, health.reconnects) == (FeedState.RECONNECTING, 1)
    assert health.reason == "cam is refused."
    assert frames[-1].index == 4
    assert frames[-1].pts_seconds == pytest.approx(60.1)
    assert (first.closed_by, second.closed_by) == (["reads cam"], ["reads cam"])


def test_even_a_time_that_steps_back_goes_on_after_a_reconnect() -> None:
    lost = StreamLostError("cam hung up.", fault=StreamFault.ENDED)
    sources = [
        FakeSource("cam", frame_count=30, error=lost, captured_seconds=100.0),
        FakeSource("cam", frame_count=1, error=lost, captured_seconds=100.5),
    ]
    with LiveReader([reopened("cam", *sources)]) as reader:
        for batch in reader.batches():
            if batch and batch[0].index == 30:
                break
    assert batch[0].pts_seconds > 2.9


def test_a_camera_that_was_never_there_is_tried_again() -> None:
    missing = SourceNotFoundError("cam does not exist.", fault=StreamFault.NOT_FOUND)
    seen = set()
    with LiveReader([reopened("cam", missing, missing, FakeSource("cam", frame_count=1))]) as reader:
        for batch in reader.batches():
            seen.add((states(reader)["cam"], reader.health()["cam"].fault))
            if batch:
                break
    assert (FeedState.CONNECTING, StreamFault.NOT_FOUND) in seen
    assert reader.health()["cam"].reconnects == 0


@pytest.mark.parametrize("hopeless", [InputError("no such scheme."), MissingLibraryError("no PyAV.")])
def test_what_no_waiting_mends_is_not_tried_again(hopeless: MaskcamError) -> None:
    with LiveReader([reopened("cam", hopeless)]) as reader:
        assert list(reader.batches()) == []
    assert reader.health()["cam"].state is FeedState.FAILED
    assert reader.health()["cam"].reason == str(hopeless)


def test_a_recording_at_an_address_is_read_once() -> None:
    film = FakeSource("film", frame_count=2, is_live=False)
    with LiveReader([reopened("film", film)]) as reader:
        assert [frame.index for batch in reader.batches() for frame in batch] == [0, 1]
    assert states(reader) == {"film": FeedState.ENDED}


def test_a_source_that_is_open_already_is_taken_first() -> None:
    first, second = (FakeSource("cam", frame_count=1, error=StreamLostError("gone.")) for _ in range(2))
    with LiveReader([Feed(name="cam", open=lambda: second, opened=first)]) as reader:
        wait_until(lambda: reader.health()["cam"].captured == 2)
    assert (first.read_count, second.read_count) == (1, 1)


def test_a_camera_without_pictures_is_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    now = time.monotonic()
    camera = FakeSource("cam", frame_count=9, gates={8: gate}, captured_seconds=now)
    with LiveReader([feed(camera, is_camera=True)]) as reader:
        wait_until(lambda: reader.health()["cam"].captured == 8)
        assert states(reader) == {"cam": FeedState.LIVE}
        monkeypatch.setattr(readings, "_STALL_SECONDS", -1.0)
        monkeypatch.setattr(live.time, "monotonic", lambda: now + 60)
        health = reader.health()["cam"]
        monkeypatch.undo()
        gate.set()
        assert (health.state, health.fault) == (FeedState.STALLED, StreamFault.TIMEOUT)
        assert health.reason == "no picture for 59 s"


def test_when_a_read_hangs_another_thread_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HANG_SECONDS", 0.1)
    gate = threading.Event()
    dead = FakeSource("cam", frame_count=5, gates={2: gate})
    alive = FakeSource("cam", frame_count=1, gates={1: gate})
    frames: list[Frame] = []
    with LiveReader([reopened("cam", dead, alive)]) as reader:
        for batch in reader.batches(idle_seconds=0.02):
            frames += batch
            if reader.health()["cam"].reconnects:
                break
        monkeypatch.setattr(live, "HANG_SECONDS", 10)
        gate.set()
        wait_until(lambda: dead.closed_by)
        frames += next(reader.batches(idle_seconds=0.05))
    assert dead.read_count < 5, "its thread ends as soon as it is no longer stuck"
    assert [frame.index for frame in frames][-1] == 2
    assert reader.health()["cam"].captured == 3


def test_a_rate_of_analysis_passes_frames_over() -> None:
    camera = FakeSource("cam", frame_count=101, captured_seconds=50.0)  # ten a second
    frames = []
    with LiveReader([feed(camera, analysis_fps=2.0)]) as reader:
        for batch in reader.batches():
            frames += batch
    health = reader.health()["cam"]
    assert health.captured == 101
    assert health.captured - health.passed_over == 21
    assert len(frames) + health.dropped == 21


@pytest.mark.parametrize(("fps", "wanted"), [(None, 301), (15.0, 151), (7.0, 71), (60.0, 301)])
def test_the_pace_holds_over_time(fps: float | None, wanted: int) -> None:
    pace, dice = Pace(fps), random.Random(1)
    times = [i / 30 + dice.uniform(-0.002, 0.002) for i in range(301)]
    assert sum(pace.lets_through(seconds) for seconds in times) == pytest.approx(wanted, abs=1)
    assert pace.lets_through(1000.0)
    assert pace.lets_through(1000.01) == (fps is None), "nothing is made up for after a gap"


def test_waits_grow_to_a_limit_and_tremble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    backoff = Backoff(dice=random.Random(1))
    waits = [backoff.wait_seconds(StreamFault.REFUSED, lived_seconds=0) for _ in range(8)]
    for wait, middle in zip(waits, [0.5, 1, 2, 4, 4, 4, 4, 4], strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert len(set(waits[3:])) == 5
    assert backoff.wait_seconds(StreamFault.ENDED, lived_seconds=3) > 2, (
        "a camera that flaps is no steady one"
    )
    assert backoff.wait_seconds(StreamFault.ENDED, lived_seconds=60) < 0.7


def test_wrong_passwords_are_not_repeated_until_the_camera_locks_us_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    backoff = Backoff()
    waits = [backoff.wait_seconds(StreamFault.AUTH, lived_seconds=0) for _ in range(6)]
    assert sum(waits[:4]) < 10
    assert all(45 <= wait <= 75 for wait in waits[4:])
    assert backoff.wait_seconds(StreamFault.REFUSED, lived_seconds=0) <= 5


def test_a_fault_in_the_code_is_logged_and_the_camera_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    fault = ZeroDivisionError("rtsp://admin:hunter2@cam")
    broken = FakeSource("cam", frame_count=1, error=fault)
    with LiveReader([reopened("cam", broken, FakeSource("cam", frame_count=1))]) as reader:
        reasons = set()
        for _ in reader.batches():
            health = reader.health()["cam"]
            reasons.add(health.reason)
            if health.reconnects:
                break
    assert "cam cannot be read any further (ZeroDivisionError): see the log." in reasons
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "ZeroDivisionError" in caplog.text
    assert "in frames" in caplog.text
    assert "hunter2" not in caplog.text


def test_nothing_arriving_gives_empty_batches_in_time() -> None:
    gate = threading.Event()
    with LiveReader([feed(FakeSource("cam", gates={0: gate}))]) as reader:
        start_seconds = time.monotonic()
        assert next(reader.batches(idle_seconds=0.05)) == []
        assert 0.04 < time.monotonic() - start_seconds < 2
        gate.set()


def test_every_source_is_closed_by_the_thread_that_reads_it() -> None:
    sources = [FakeSource("live", frame_count=3), FakeSource("file", frame_count=3, is_live=False)]
    with LiveReader([feed(source) for source in sources]) as reader:
        next(reader.batches())
    assert [source.closed_by for source in sources] == [["reads live"], ["reads file"]]


def test_closing_from_another_thread_ends_the_iteration() -> None:
    gate = threading.Event()
    with LiveReader([feed(FakeSource("cam", gates={0: gate}))]) as reader:
        timer = threading.Timer(0.05, reader.close)
        gate_timer = threading.Timer(0.1, gate.set)
        timer.start()
        gate_timer.start()
        assert list(reader.batches(idle_seconds=60)) == []
        timer.join()


def test_a_read_that_hangs_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "CLOSE_SECONDS", 0.1)
    caplog.set_level(logging.INFO)
    gate = threading.Event()
    sources = [FakeSource(f"dead {number}", gates={0: gate}) for number in range(3)]
    reader = LiveReader([feed(source) for source in sources])
    with reader:
        start_seconds = time.monotonic()
    assert time.monotonic() - start_seconds < 1
    assert [record.message for record in caplog.records] == [
        f"reads dead {number} does not stop, it is left behind" for number in range(3)
    ]
    gate.set()
    wait_until(lambda: all(source.closed_by for source in sources))


def test_misuse() -> None:
    with pytest.raises(ValueError, match="at least one feed"):
        LiveReader([])
    with pytest.raises(
        InputError, match=r"^Two sources have the same name, among cam, cam: give each its own\.$"
    ):
        LiveReader([feed(FakeSource("cam")), feed(FakeSource("cam"))])
