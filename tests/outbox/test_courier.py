from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from maskcam.errors import DeliveryError, OutputError
from maskcam.outbox.base import Message
from maskcam.outbox.box import Outbox, OutboxLimits
from maskcam.outbox.courier import BackOff, Courier
from maskcam.outbox.memory import MemoryReceiver
from tests.outbox.messages import join, make_message, texts


class Scene:
    """A courier with clocks that stand still until told otherwise."""

    def __init__(self, folder: Path, *, limits: OutboxLimits | None = None) -> None:
        self.now = 1000.0
        self.wall = time.time()
        self.quiet = False
        self.said: list[str] = []
        self.overflow: deque[Message] = deque()
        self.receiver = MemoryReceiver("the broker")
        self.path = folder / "o.sqlite"
        self.limits = limits
        self.box = self.open_box()
        self.courier = self.start()

    def open_box(self) -> Outbox:
        return Outbox(self.path, "a", limits=self.limits, wall_clock=lambda: self.wall)

    def start(self) -> Courier:
        return Courier(
            self.open_box(),
            self.receiver,
            overflow=self.overflow,
            summarize=join,
            is_quiet=lambda: self.quiet,
            tell=self.said.append,
            clock=lambda: self.now,
            wall_clock=lambda: self.wall,
            back_off=BackOff(chance=lambda: 1.0),
        )

    def pass_time(self, seconds: float) -> None:
        """Turns whenever the courier asks for it."""
        until = self.now + seconds
        while self.now < until:
            wait = self.courier.turn()
            self.now = min(until, self.now + max(wait, 1e-3))
            self.wall += max(wait, 1e-3)

    @property
    def taken(self) -> list[str]:
        return texts(self.receiver.messages)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_everything_is_delivered_in_order_and_removed(scene: Scene) -> None:
    scene.box.append([make_message(str(i)) for i in range(50)])
    scene.pass_time(1)
    assert scene.taken == [str(i) for i in range(50)]
    assert scene.box.count() == 0
    assert scene.said == []


def test_a_receiver_away_for_an_hour_is_asked_ever_more_rarely_and_mentioned_twice(scene: Scene) -> None:
    scene.receiver.fault = DeliveryError("connection refused")
    for i in range(60):
        scene.box.append([make_message(str(i))])
        scene.pass_time(60)
    assert 60 <= scene.receiver.attempts <= 70, "1, 2, 4 ... 32 and then every 60 seconds"
    assert scene.said == ["the broker is away (connection refused): messages wait until it is back"]
    scene.receiver.fault = None
    scene.pass_time(61)
    assert scene.taken == [str(i) for i in range(60)]
    assert scene.said[1:] == ["the broker is back"]


def test_a_short_fault_costs_a_second_and_no_order(scene: Scene) -> None:
    scene.box.append([make_message(str(i)) for i in range(5)])
    scene.receiver.faults += [DeliveryError("x"), DeliveryError("x")]
    assert scene.courier.turn() == 1
    assert scene.courier.turn() == 1, "woken early: not yet"
    scene.pass_time(1.5)
    assert scene.taken == []
    scene.pass_time(2)
    assert scene.taken == list("01234")


def test_the_receiver_may_ask_for_patience(scene: Scene) -> None:
    scene.box.append([make_message("1")])
    scene.receiver.faults += [DeliveryError("busy", retry_seconds=300)]
    scene.pass_time(299)
    assert scene.receiver.attempts == 1
    scene.pass_time(2)
    assert scene.taken == ["1"]


def test_jitter_shortens_by_half_at_most() -> None:
    assert [BackOff(chance=lambda: 0.0).failed(), BackOff(chance=lambda: 0.999).failed()] == [0.5, 0.9995]
    back_off = BackOff(chance=lambda: 1.0)
    assert [back_off.failed() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    back_off.reset()
    assert back_off.failed() == 1


def test_what_is_refused_for_good_is_dropped_and_mentioned_once(scene: Scene) -> None:
    scene.box.append([make_message(str(i)) for i in range(4)])
    scene.receiver.faults += [DeliveryError("404", is_final=True)] * 2
    scene.pass_time(1)
    assert scene.taken == ["2", "3"]
    assert scene.said == ["the broker refuses a message (404): it is dropped, as others like it will be"]


def test_a_restart_goes_on_where_it_ended(scene: Scene) -> None:
    scene.box.append([make_message(str(i)) for i in range(5)])
    scene.receiver.faults += [DeliveryError("x")]
    scene.pass_time(0.5)
    scene.courier.end()
    assert scene.receiver.closed
    scene.courier = scene.start()
    scene.pass_time(2)
    assert scene.taken == list("01234")


def test_what_was_dropped_meanwhile_is_counted(tmp_path: Path) -> None:
    scene = Scene(tmp_path, limits=OutboxLimits(megabytes=0.01))
    scene.receiver.fault = DeliveryError("x")
    scene.box.append([make_message("0")])
    scene.pass_time(1)
    for i in range(6):
        scene.box.append([make_message(str(i), phase="updated", size=2000)])
    scene.receiver.fault = None
    scene.pass_time(5)
    assert scene.said[-1] == "the broker is back; 2 messages were dropped meanwhile to make room"


def test_quiet_hours_end_in_one_summary_per_camera(scene: Scene) -> None:
    scene.quiet = True
    for i in range(3):
        scene.box.append([make_message(str(i), is_held=True, created_seconds=scene.wall)])
    scene.box.append([make_message("gate", camera="gate", key="g", is_held=True, created_seconds=scene.wall)])
    scene.pass_time(100)
    assert scene.taken == []
    scene.quiet = False
    scene.pass_time(2)
    assert scene.taken == ["0+1+2", "gate"]


def test_what_was_held_is_summed_up_although_the_clock_was_set_back(scene: Scene) -> None:
    scene.box.append([make_message("1", is_held=True, created_seconds=scene.wall)])
    scene.wall -= 86400
    scene.pass_time(2)
    assert scene.taken == ["1"]


def test_only_one_of_two_processes_delivers_and_the_other_takes_over(scene: Scene) -> None:
    second = scene.start()
    scene.box.append([make_message("1")])
    scene.pass_time(1)
    assert second.turn() == 5
    assert second.turn() == 5
    assert sum("another maskcam" in line for line in scene.said) == 1
    scene.courier.end()
    scene.box.append([make_message("2")])
    second.turn()
    assert scene.taken == ["1", "2"]


def failing(method: Callable[..., object], *, times: int) -> Callable[..., object]:
    """The method, which fails that often before it works."""
    left = [times]

    def call(*args: object, **others: object) -> object:
        if left[0]:
            left[0] -= 1
            raise OutputError("cannot use the outbox o.sqlite (database or disk is full): make room")
        return method(*args, **others)

    return call


def test_a_full_disk_neither_stops_delivery_nor_repeats_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.box.append([make_message(str(i)) for i in range(3)])
    monkeypatch.setattr(Outbox, "remove", failing(Outbox.remove, times=6))
    monkeypatch.setattr(Outbox, "append", failing(Outbox.append, times=100))
    scene.overflow.append(make_message("not stored"))
    scene.pass_time(10)
    assert scene.taken == ["0", "1", "2", "not stored"]
    assert scene.box.count() == 0, "removed once that worked"
    assert len(scene.said) == 1
    assert "disk is full" in scene.said[0]


def test_what_could_not_be_stored_is_stored_later_although_the_receiver_is_away(scene: Scene) -> None:
    scene.receiver.fault = DeliveryError("x")
    scene.box.append([make_message("1")])
    scene.pass_time(10)
    scene.overflow.append(make_message("2"))
    scene.pass_time(1)
    assert not scene.overflow
    assert scene.box.count() == 2
