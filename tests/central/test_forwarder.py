"""What is forwarded, when, and what an outage does to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maskcam.central import forwarder as module
from maskcam.central.forwarder import Forwarder
from maskcam.store.records import ViolationRecord
from maskcam.store.store import EventStore
from tests.central.places import FakeLink
from tests.factories import make_frame, make_result
from tests.sinks.brokers import wait_until
from tests.store.rows import RUN, make_counts, make_record


def test_what_the_store_has_is_forwarded_in_order_and_once(store: EventStore, tmp_path: Path) -> None:
    store.record([make_record(number) for number in range(1, 451)])  # more than goes at once
    link = FakeLink()
    with Forwarder(EventStore.open(tmp_path / "site.db"), link, cameras=["door"]):
        wait_until(lambda: len(link.rows) == 450)
        store.record([make_record(3, revision=2, seconds=20.0)])
        wait_until(lambda: len(link.rows) == 451)
    assert link.rows == [make_record(number) for number in range(1, 451)] + [
        make_record(3, revision=2, seconds=20.0)
    ]
    assert [report.waiting for report in link.reports[:3]] == [250, 50, 0]
    assert link.is_closed
    assert store.waiting(limit=1) == ([], 0)


def test_a_minute_goes_when_it_is_over_and_the_last_one_at_the_end(store: EventStore, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    old, new = (replace(make_counts(), minute=now - timedelta(minutes=ago)) for ago in (10, 0))
    store.record([old, new])
    link = FakeLink()
    forwarder = Forwarder(EventStore.open(tmp_path / "site.db"), link)
    wait_until(lambda: link.rows)
    assert link.rows == [old]
    wait_until(lambda: forwarder.backlog().waiting == 0)
    forwarder.close()
    assert link.rows == [old, new]


def test_an_outage_is_said_once_and_loses_nothing(store: EventStore, tmp_path: Path) -> None:
    link, told = FakeLink(), list[str]()
    link.fault = "it hung up"
    with Forwarder(
        EventStore.open(tmp_path / "site.db"), link, tell=told.append, retry_seconds=0.02
    ) as forwarder:
        store.record([make_record()])
        wait_until(lambda: forwarder.backlog().waiting == 1)
        store.record([make_record(2)])
        wait_until(lambda: forwarder.backlog().waiting == 2)
        assert told == ["the fake cannot be told (it hung up): what is new waits until it can"]
        link.fault = None
        wait_until(lambda: len(told) == 2)
    assert told[1] == "the fake is told again"
    assert link.rows == [make_record(), make_record(2)]


def test_what_a_run_could_not_forward_the_next_one_does(store: EventStore, tmp_path: Path) -> None:
    store.record([make_record(seconds=None)])
    away = FakeLink()
    away.fault = "no route"
    with Forwarder(EventStore.open(tmp_path / "site.db"), away, tell=lambda _: None):
        pass
    store.end_run(RUN)
    link = FakeLink()
    with Forwarder(EventStore.open(tmp_path / "site.db"), link):
        wait_until(lambda: link.rows)
    (row,) = link.rows
    assert isinstance(row, ViolationRecord)
    assert (row.revision, row.ended_at is None) == (2, False)


def test_reports_tell_of_cameras_also_when_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REPORT_SECONDS", 0.0)
    link = FakeLink()
    with Forwarder(EventStore.open(tmp_path / "site.db"), link, cameras=["door", "hall"]) as forwarder:
        forwarder.write(make_result(make_frame(camera="door")), None)
        wait_until(lambda: link.reports and link.reports[-1].cameras["door"] is not None)
    cameras = link.reports[-1].cameras
    assert cameras["hall"] is None
    assert 0 <= cameras["door"] < 60  # type: ignore[operator]
    assert link.rows == []
