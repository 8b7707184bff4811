"""What the README says of messages to others is what they are."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from maskcam.sinks.alert_messages import summarize, violation_content, violation_message
from maskcam.sinks.camera_state import StateBoard
from maskcam.sinks.mqtt_topics import Topics
from maskcam.types import MaskStatus, Transition, ViolationPhase
from tests.factories import make_frame, make_result, make_track, make_violation
from tests.test_readme import README

RUN = "8f14e45fceea467f9b0c5d0f3b1a7c2e"
STARTED = 1772439302.12  # 2026-03-02 08:15:02.120 UTC

(SECTION,) = re.findall(r"\n### Tell others\n(.*?)\n## ", README, re.DOTALL)
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ended() -> dict[str, object]:
    violation = replace(
        make_violation(ViolationPhase.ENDED, camera="ward 3", violation_id=12, track_id=41),
        started_seconds=100.0,
        ended_seconds=114.0,
        transitions=(Transition(MaskStatus.NO_MASK, 100.0, 114.0), Transition(MaskStatus.MASK, 114.0, None)),
        snapshot="ward_3_00012",
    )
    return violation_content(violation, run_id=RUN, sequence=27, started_wall_seconds=STARTED)


def test_the_message_of_a_violation() -> None:
    assert EXAMPLES[0] == ended()


def test_the_summary() -> None:
    message = violation_message(ended(), created_seconds=STARTED + 14, is_held=True)
    assert EXAMPLES[1] == json.loads(summarize([message]).body)


def test_the_state() -> None:
    board = StateBoard(["ward 3"])
    entry = {"key": f"{RUN}/ward 3/12", "status": "no_mask", "started_at": "2026-03-02T08:15:02.120+00:00"}
    board.see(
        make_result(make_frame(camera="ward 3"), (make_track(), make_track(status=MaskStatus.MASK))),
        [(make_violation(camera="ward 3"), entry)],
    )
    assert EXAMPLES[2] == board.states()["ward 3"] | {"updated_at": "2026-03-02T08:15:04.000+00:00"}


def test_the_topics() -> None:
    topics = Topics("maskcam", "homeassistant")
    for topic in (topics.status, topics.state("CAMERA"), topics.violation("CAMERA")):
        assert f"`{topic}`" in SECTION
    assert all(topic.startswith("homeassistant/") for topic in topics.home_assistant("CAMERA"))
