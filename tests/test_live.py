from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from maskcam import live
from maskcam.errors import InputError, SourceError, StreamLostError
from maskcam.live import LiveReader
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
    ) -> None:
        self.info = SourceInfo(name=name, is_live=is_live)
        self.closed_by: list[str] = []
        self.read_count = 0
        self._frame_count = frame_count
        self._gates = gates or {}
        self._error = error

    def frames(self) -> Iterator[Frame]:
        for index in range(self._frame_count + 1):
            if index in self._gates:
                self._gates[index].wait(10)
            if index < self._frame_count:
                self.read_count += 1
                yield Frame(np.zeros((2, 2, 3), np.uint8), index, index / 10, 0.0, self.info.name)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed_by.append(threading.current_thread().name)


def wait_until(condition: object) -> None:
    """Waits until `condition()` holds, 5 s at most."""
    assert callable(condition)
    deadline_seconds = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline_seconds, "waited in vain"
        time.sleep(0.002)


def test_recordings_lose_nothing_however_slow_the_reader() -> None:
    sources = [
        SyntheticSource(size_wh=(8, 8), fps=25, frame_count=frame_count, name=f"file {frame_count}")
        for frame_count in (5, 9)
    ]
    seen: dict[str, list[int]] = {"file 5": [], "file 9": []}
    with LiveReader(sources) as reader:
        for batch in reader.batches():
            assert len({frame.camera for frame in batch}) == len(batch)
            for frame in batch:
                seen[frame.camera].append(frame.index)
            time.sleep(0.005)
    assert seen == {"file 5": list(range(5)), "file 9": list(range(9))}
    assert reader.dropped == {"file 5": 0, "file 9": 0}
    assert {(end.name, end.error) for end in reader.ended} == {("file 5", None), ("file 9", None)}


def test_of_a_live_source_only_the_newest_frame_counts() -> None:
    gate = threading.Event()
    camera = FakeSource("cam", frame_count=8, gates={7: gate})
    with LiveReader([camera]) as reader:
        wait_until(lambda: reader.dropped == {"cam": 6})
        batches = reader.batches()
        assert [frame.index for frame in next(batches)] == [6]
        gate.set()
        assert [frame.index for batch in batches for frame in batch] == [7]
    assert reader.dropped == {"cam": 6}


def test_a_recording_is_not_read_ahead_without_bound() -> None:
    recording = FakeSource("file", frame_count=50, is_live=False)
    with LiveReader([recording]) as reader:
        wait_until(lambda: recording.read_count == 2)
        next(reader.batches())
        wait_until(lambda: recording.read_count == 3)
    assert recording.read_count == 3


def test_one_dead_camera_does_not_stop_the_others() -> None:
    lost = StreamLostError("cam 1 is gone.")
    gate = threading.Event()
    sources = [
        FakeSource("cam 1", frame_count=1, error=lost),
        FakeSource("cam 2", frame_count=3, gates={2: gate}),
    ]
    indices = []
    with LiveReader(sources) as reader:
        for batch in reader.batches():
            indices += [frame.index for frame in batch if frame.camera == "cam 2"]
            if any(end.name == "cam 1" for end in reader.ended):
                gate.set()
    assert indices[-1] == 2
    assert [(end.name, end.error) for end in reader.ended] == [("cam 1", lost), ("cam 2", None)]


def test_the_reader_is_told_at_once_when_a_source_fails() -> None:
    gate = threading.Event()
    sources = [FakeSource("still", gates={0: gate}), FakeSource("broken", error=StreamLostError("gone."))]
    with LiveReader(sources) as reader:
        start_seconds = time.monotonic()
        assert next(reader.batches(idle_seconds=5)) == []
        assert time.monotonic() - start_seconds < 2
        assert [end.name for end in reader.ended] == ["broken"]
        gate.set()


def test_a_fault_in_the_code_reaches_the_reader(caplog: pytest.LogCaptureFixture) -> None:
    fault = ZeroDivisionError("rtsp://admin:hunter2@cam")
    with LiveReader([FakeSource("cam", frame_count=1, error=fault)]) as reader:
        frames = [frame for batch in reader.batches() for frame in batch]
    (end,) = reader.ended
    assert len(frames) == 1
    assert type(end.error) is SourceError
    assert end.error.__cause__ is fault
    assert "hunter2" not in str(end.error)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "ZeroDivisionError" in caplog.text
    assert "in frames" in caplog.text
    assert "hunter2" not in caplog.text


def test_nothing_arriving_gives_empty_batches_in_time() -> None:
    gate = threading.Event()
    with LiveReader([FakeSource("cam", gates={0: gate})]) as reader:
        start_seconds = time.monotonic()
        assert next(reader.batches(idle_seconds=0.05)) == []
        assert 0.04 < time.monotonic() - start_seconds < 2
        gate.set()


def test_every_source_is_closed_by_the_thread_that_reads_it() -> None:
    sources = [FakeSource("live", frame_count=3), FakeSource("file", frame_count=3, is_live=False)]
    with LiveReader(sources) as reader:
        next(reader.batches())
    assert [source.closed_by for source in sources] == [["reads live"], ["reads file"]]


def test_closing_from_another_thread_ends_the_iteration() -> None:
    gate = threading.Event()
    with LiveReader([FakeSource("cam", gates={0: gate})]) as reader:
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
    gate = threading.Event()
    sources = [FakeSource(f"dead {number}", gates={0: gate}) for number in range(3)]
    reader = LiveReader(sources)
    with reader:
        start_seconds = time.monotonic()
    assert time.monotonic() - start_seconds < 1
    assert [record.message for record in caplog.records] == [
        f"reads dead {number} does not stop, it is left behind" for number in range(3)
    ]
    gate.set()
    wait_until(lambda: len(reader.ended) == 3)
    assert all(source.closed_by for source in sources)


def test_misuse() -> None:
    with pytest.raises(ValueError, match="at least one source"):
        LiveReader([])
    with pytest.raises(
        InputError, match=r"^Two sources have the same name, among cam, cam: give each its own\.$"
    ):
        LiveReader([FakeSource("cam"), FakeSource("cam")])
