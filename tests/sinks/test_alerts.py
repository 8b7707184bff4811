from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from maskcam.errors import DeliveryError, OutputError
from maskcam.outbox.box import Outbox
from maskcam.outbox.memory import MemoryReceiver
from maskcam.schedule import Schedule
from maskcam.sinks.alert_messages import summarize, violation_content, violation_message
from maskcam.sinks.alerts import AlertOptions, AlertSink
from maskcam.types import MaskStatus, Transition, ViolationPhase
from tests.factories import make_frame, make_result, make_violation
from tests.outbox.messages import make_message
from tests.sinks.brokers import wait_until

NOON = datetime(2026, 3, 2, 12, 0)
STARTED, UPDATED, ENDED = ViolationPhase


class Scene:
    """A sink with a receiver in memory."""

    def __init__(self, folder: Path, *, clock: datetime = NOON, **changes: object) -> None:
        self.said: list[str] = []
        self.clock = clock
        self.receiver = MemoryReceiver("the receiver")
        given = {
            "outbox": folder / "o.sqlite",
            "run_id": "run",
            "messages_per_minute": 1e6,
            "retry_seconds": 0.02,
            "tell": self.said.append,
        }
        self.sink = AlertSink(
            self.receiver,
            identity="a",
            options=AlertOptions(**given | changes),  # type: ignore[arg-type]
            now=lambda: self.clock,
        )

    def report(self, number: int, phase: ViolationPhase = STARTED, camera: str = "door") -> None:
        violation = make_violation(phase, violation_id=number, camera=camera)
        self.sink.write(make_result(make_frame(camera=camera), violations=(violation,)), None)

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in list(self.receiver.messages)]


def test_every_change_is_told_with_the_time_of_day(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    before = time.time()
    frame = replace(make_frame(pts_seconds=2.25), captured_seconds=time.monotonic())
    with scene.sink as sink:
        sink.write(make_result(frame, violations=(make_violation(STARTED),)), None)
        time.sleep(0.05)
        sink.write(make_result(frame, violations=(make_violation(UPDATED),)), None)
        sink.finish([make_violation(ENDED)])
    assert [content["event"] for content in scene.taken] == ["started", "updated", "ended"]
    assert len({content["started_at"] for content in scene.taken}) == 1, "always the same"
    started = datetime.fromisoformat(scene.taken[0]["started_at"])
    assert started.utcoffset() is not None
    assert abs(started.timestamp() - (before - 1.0)) < 5, "one second before the frame"
    ended = datetime.fromisoformat(scene.taken[2]["ended_at"])
    assert (ended - started).total_seconds() == pytest.approx(2.25, abs=0.002)
    assert scene.said == []
    assert scene.receiver.closed


def test_transitions_are_told_with_their_lengths() -> None:
    transitions = (
        Transition(MaskStatus.NO_MASK, 1.25, 3.0),
        Transition(MaskStatus.INCORRECT, 3.0, 3.5),
        Transition(MaskStatus.MASK, 3.5, None),
    )
    violation = replace(make_violation(ENDED), transitions=transitions)
    content = violation_content(violation, run_id="r", sequence=1, started_wall_seconds=1e9)
    changes = content["transitions"]
    assert [(t["status"], t["duration_seconds"]) for t in changes] == [
        ("no_mask", 1.75),
        ("incorrect", 0.5),
        ("mask", None),
    ]
    assert datetime.fromisoformat(changes[1]["started_at"]).timestamp() == 1e9 + 1.75


def test_quiet_hours_end_in_one_summary_although_the_program_was_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcam.outbox.courier._SUMMARY_SECONDS", 0.0)
    quiet = Schedule.parse(["22:00-06:00"])
    night = datetime(2026, 3, 2, 23, 0)
    for run in range(2):
        scene = Scene(tmp_path, clock=night, run_id=f"run{run}", quiet_hours=quiet, picture="face")
        with scene.sink:
            for number in (1, 2):
                scene.report(number)
            scene.report(1, UPDATED)
            scene.report(2, ENDED)
        assert scene.taken == []
        assert "messages wait" in scene.said[-1]
    scene = Scene(tmp_path, clock=datetime(2026, 3, 3, 5, 59), run_id="run2", quiet_hours=quiet)
    with scene.sink:
        time.sleep(0.2)
        assert scene.taken == []
        scene.clock = datetime(2026, 3, 3, 6, 0)
        scene.report(9)
        wait_until(lambda: len(scene.taken) == 2)
    summary, after = scene.taken
    assert (summary["type"], summary["camera"]) == ("summary", "door")
    assert (summary["started"], summary["ended"], summary["ongoing"]) == (4, 2, 2)
    assert summary["statuses"] == {"no_mask": 4}
    assert [v["key"] for v in summary["violations"]] == [
        "run0/door/1",
        "run0/door/2",
        "run1/door/1",
        "run1/door/2",
    ]
    assert [v["duration_seconds"] for v in summary["violations"]] == [None, 2.25, None, 2.25]
    assert after["event"] == "started"


def test_more_than_allowed_goes_into_a_summary_and_nothing_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, messages_per_minute=10)
    with scene.sink:
        for number in range(1, 41):
            scene.report(number)
        scene.report(1, camera="gate")
        wait_until(lambda: len(scene.taken) == 11)
        monkeypatch.setattr("maskcam.outbox.courier._SUMMARY_SECONDS", 0.0)
        wait_until(lambda: len(scene.taken) == 12)
    alone = {content["key"] for content in scene.taken[:-1]}
    listed = {v["key"] for v in scene.taken[-1]["violations"]}
    assert scene.taken[-1]["started"] == len(listed) == 30
    assert alone | listed == {f"run/door/{number}" for number in range(1, 41)} | {"run/gate/1"}


def test_a_summary_of_many_names_some_and_counts_all() -> None:
    messages = []
    for number in range(1, 151):
        content = violation_content(
            make_violation(violation_id=number), run_id="r", sequence=number, started_wall_seconds=1e9
        )
        messages.append(violation_message(content, created_seconds=1e9 + number, is_held=True))
    summary = json.loads(summarize(messages).body)
    assert (summary["started"], len(summary["violations"]), summary["not_listed"]) == (150, 100, 50)
    assert datetime.fromisoformat(summary["until"]).timestamp() == 1e9 + 150
    assert summarize(messages).identity == summarize(messages).identity


def test_a_disk_that_takes_nothing_is_said_once_and_stops_neither_video_nor_alerts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path)
    append = Outbox.append

    def fail(*_: object) -> int:
        raise OutputError("cannot use the outbox o.sqlite (database or disk is full): make room")

    with scene.sink:
        monkeypatch.setattr(Outbox, "append", fail)
        for number in range(1, 6):
            scene.report(number)
            time.sleep(0.05)
        wait_until(lambda: len(scene.taken) == 5)
        assert len(scene.said) == 1
        assert "disk is full" in scene.said[0]
        scene.receiver.fault = DeliveryError("x")
        scene.report(6)
        time.sleep(0.2)
        monkeypatch.setattr(Outbox, "append", append)
    with Outbox(tmp_path / "o.sqlite", "a") as box:
        assert box.count() == 1, "stored as soon as there was room"
    assert [content["violation_id"] for content in scene.taken] == [1, 2, 3, 4, 5]


def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """With a quota of the file's own: SQLite itself says that the disk is full."""

    def fill(box: Outbox, first: int) -> int:
        """Appends until nothing more goes in; how many did."""
        for number in itertools.count(first):
            try:
                box.append([make_message(str(number), size=5000)])
            except OutputError as error:
                assert "disk is full" in str(error)  # noqa: PT017  how many went in before counts, too
                return number - first
        raise AssertionError

    with Outbox(tmp_path / "o.sqlite", "a") as box:
        box._connect().execute("PRAGMA max_page_count = 40")
        stored = fill(box, 0)
        assert box.count() == stored > 3
        box.remove(range(1, 4))
        assert 1 <= fill(box, stored) <= 3, "there is a way back"


def test_what_can_neither_be_stored_nor_delivered_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcam.sinks.alerts._MOST_IN_MEMORY", 4)
    scene = Scene(tmp_path)
    scene.receiver.fault = DeliveryError("gone")

    def fail(*_: object) -> int:
        raise OutputError("cannot use the outbox o.sqlite (database or disk is full): make room")

    with scene.sink:
        monkeypatch.setattr(Outbox, "append", fail)
        for number in range(1, 4):
            scene.report(number, UPDATED)
            scene.report(number)
    lines = [line.partition(": ")[2] for line in scene.said if "away" not in line]
    assert [line.partition(" (")[0] for line in lines] == [
        "cannot use the outbox o.sqlite",
        "too many messages are kept in memory: others are lost",
        "6 messages could neither be stored nor delivered and are lost",
    ]
    assert [message.phase for message in scene.sink._overflow] == ["updated", "started", "started", "started"]


def test_a_damaged_outbox_is_said_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "o.sqlite").write_bytes(b"no database at all" * 1000)
    scene = Scene(tmp_path)
    with scene.sink:
        scene.report(1)
    assert len(scene.said) == 1
    assert "was damaged: it begins anew" in scene.said[0]
    assert len(scene.taken) == 1


def test_an_outbox_that_cannot_be_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot use the outbox"):
        Scene(tmp_path, outbox=tmp_path / "file" / "o.sqlite")


def test_closing_twice_is_fine_and_what_waits_is_said_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.receiver.fault = DeliveryError("gone")
    scene.report(1)
    scene.sink.close()
    scene.sink.close()
    assert [line.partition(":")[0] for line in scene.said] == ["the receiver is away (gone)", "the receiver"]
