import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from maskcam.errors import OutputError
from maskcam.sinks.jsonl import JsonlSink
from maskcam.types import MaskStatus, Transition, ViolationPhase
from tests.factories import make_frame, make_result, make_violation


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_one_line_per_event(tmp_path: Path) -> None:
    path = tmp_path / "log" / "events.jsonl"
    with JsonlSink(path, snapshots=tmp_path / "snapshots") as sink:
        sink.write(make_result(), None)
        started = make_violation(camera="Küche", box_xyxy=(1.04, 2, 3, 4.26))
        frame = make_frame(pts_seconds=2.25)
        sink.write(make_result(frame, (), (started, make_violation(violation_id=2))), None)
        assert len(read(path)) == 2, "not flushed"
        sink.write(make_result(frame, (), (make_violation(ViolationPhase.ENDED),)), None)
    first, second, third = read(path)
    assert first == {
        "event": "started",
        "camera": "Küche",
        "violation_id": 1,
        "track_id": 1,
        "status": "no_mask",
        "started_seconds": 1.25,
        "ended_seconds": None,
        "box_xyxy": [1.0, 2.0, 3.0, 4.3],
        "snapshot": "../snapshots/Küche_00001.jpg",
        "clip": None,
        "pts_seconds": 2.25,
    }
    assert second["violation_id"] == 2
    assert (third["event"], third["ended_seconds"]) == ("ended", 3.5)


def test_what_ended_with_its_source_is_logged_at_its_end(tmp_path: Path) -> None:
    with JsonlSink(tmp_path / "e.jsonl") as sink:
        sink.finish([make_violation(ViolationPhase.ENDED)])
    (event,) = read(tmp_path / "e.jsonl")
    assert (event["event"], event["pts_seconds"], event["snapshot"]) == ("ended", 3.5, None)


def test_the_end_tells_what_was_and_for_how_long(tmp_path: Path) -> None:
    statuses = (MaskStatus.NO_MASK, 1.25, 3.0), (MaskStatus.INCORRECT, 3.0, 3.5), (MaskStatus.MASK, 3.5, None)
    course = tuple(Transition(*status) for status in statuses)
    with JsonlSink(tmp_path / "e.jsonl") as sink:
        for phase in (ViolationPhase.STARTED, ViolationPhase.ENDED):
            violation = replace(make_violation(phase), transitions=course)
            sink.write(make_result(violations=(violation,)), None)
    started, ended = read(tmp_path / "e.jsonl")
    assert "transitions" not in started
    assert ended["transitions"] == [
        {"status": "no_mask", "started_seconds": 1.25, "seconds": 1.75},
        {"status": "incorrect", "started_seconds": 3.0, "seconds": 0.5},
        {"status": "mask", "started_seconds": 3.5, "seconds": None},
    ]


def test_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        with JsonlSink(path) as sink:
            sink.write(make_result(violations=(make_violation(),)), None)
        assert len(path.read_text().splitlines()) == 1


def test_stamps_the_time_of_day(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before = datetime.now().astimezone().replace(microsecond=0)
    with JsonlSink(path, stamped=True) as sink:
        sink.write(make_result(violations=(make_violation(),)), None)
    logged = datetime.fromisoformat(json.loads(path.read_text())["logged_at"])
    assert before <= logged <= datetime.now().astimezone()


def test_full_disk() -> None:
    sink = JsonlSink(Path("/dev/full"))
    with pytest.raises(OutputError, match="no space left"):
        sink.write(make_result(violations=(make_violation(),)), None)
    with pytest.raises(OutputError, match="no space left"):
        sink.close()
    sink.close()
