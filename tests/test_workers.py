from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import pytest

from maskcam.workers import Repeater, Worker


def test_items_come_in_order_and_in_batches() -> None:
    batches: list[list[int]] = []
    gate = threading.Event()

    def work(batch: Sequence[int]) -> None:
        gate.wait(5)
        batches.append(list(batch))

    with Worker(work, name="test", most=4, gather_seconds=0.0) as worker:
        for item in range(10):
            assert worker.submit(item)
        gate.set()
        assert worker.flush(seconds=5)
        assert [item for batch in batches for item in batch] == list(range(10))
        assert max(len(batch) for batch in batches) == 4
        assert len(batches) <= 4


def test_closing_does_what_is_queued() -> None:
    done: list[int] = []
    worker = Worker(done.extend, name="test", gather_seconds=60)
    for item in range(5):
        worker.submit(item)
    worker.close()
    worker.close()
    assert done == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="closed"):
        worker.submit(5)


def test_a_full_queue_refuses_and_never_waits() -> None:
    gate = threading.Event()
    worker: Worker[int] = Worker(lambda _: gate.wait(5) and None, name="test", capacity=3, gather_seconds=0)
    worker.submit(0)
    time.sleep(0.1)  # the first is being worked on by now
    start_seconds = time.monotonic()
    assert [worker.submit(item) for item in range(5)] == [True, True, True, False, False]
    assert time.monotonic() - start_seconds < 1
    assert worker.refused == 2
    gate.set()
    worker.close()


def test_a_fault_is_logged_once_and_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def work(batch: Sequence[int]) -> None:
        if batch[0] < 3:
            raise OSError("disk full")
        done.extend(batch)

    with Worker(work, name="test", most=1, gather_seconds=0) as worker:
        for item in range(5):
            worker.submit(item)
        worker.flush(seconds=5)
    assert done == [3, 4]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "disk full" in caplog.text


def test_work_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    worker: Worker[int] = Worker(lambda _: gate.wait(10) and None, name="slow work", gather_seconds=0)
    worker.submit(1)
    start_seconds = time.monotonic()
    worker.close(seconds=0.1)
    assert time.monotonic() - start_seconds < 2
    assert "slow work does not end in 0.1 s" in caplog.text
    gate.set()


def test_a_repeater_waits_as_told_and_can_be_woken() -> None:
    called = threading.Event()

    def turn() -> float:
        called.set()
        return 3600.0

    with Repeater(turn, name="test") as repeater:
        assert called.wait(5)
        called.clear()
        repeater.wake()
        assert called.wait(5)
    called.clear()
    repeater.close()
    assert not called.is_set(), "closed twice"


def test_closing_a_repeater_finishes_what_can_be_done_and_releases_in_the_same_thread() -> None:
    left = [3, 2, 1]
    ended: list[str] = []

    def turn() -> float:
        if left:
            left.pop()
        return 0.0 if left else 3600.0

    Repeater(turn, name="turner", end=lambda: ended.append(threading.current_thread().name)).close(seconds=5)
    assert left == []
    assert ended == ["turner"]


def test_a_repeater_survives_faults_and_logs_each_kind_once(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    done = threading.Event()

    def turn() -> float:
        calls.append(1)
        if len(calls) < 4:
            raise OSError("disk full")
        done.set()
        return 3600.0

    with Repeater(turn, name="test", fault_seconds=0.01):
        assert done.wait(5)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_repeater_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    repeater = Repeater(lambda: float(gate.wait(10)), name="slow turn")
    repeater.close(seconds=0.1)
    assert "slow turn does not end in 0.1 s" in caplog.text
    gate.set()
