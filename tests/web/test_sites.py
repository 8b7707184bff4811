"""Sites that forward to this store: their page, the API, metrics, and what of them is asked for elsewhere."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from maskcam.errors import StoreUnavailableError
from maskcam.store.sites import Report
from maskcam.web.roles import Role
from tests.store.rows import NOON, make_counts, make_record
from tests.web.stage import Stage


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """With two sites: north gives pictures at one of its cameras, south is silent."""
    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0) - timedelta(minutes=5)
    north = Report(waiting=3, cameras={"door": 1.0, "hall": None}, version="1.0")
    today = make_record(9, run_id="a" * 32, started_at=now)
    stage.store.record_site("north & co", north, [today, replace(make_counts(), minute=minute)])
    south = Report(waiting=0, cameras={"gate": 2.0}, version="0.9")
    stage.store.record_site("south", south, [make_record(run_id="b" * 32, camera="gate")])
    with stage.store._engine.begin() as connection:
        connection.execute(
            text("UPDATE sites SET heard_at = :at WHERE name = 'south'"), {"at": "2026-05-04 12:00:00"}
        )
    return stage


def words(stage: Stage, path: str) -> str:
    answer = stage.ask("GET", path, Role.VIEWER)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.text))


def test_the_page_says_who_reports_and_who_is_silent(stage: Stage) -> None:
    said = words(stage, "/sites")
    assert "1 of 2 sites is silent" in said
    assert "south not heard since 2026-05-04 12:00:00 UTC" in said
    assert re.search(r"north &amp; co reports Last heard.* Waiting there3 records Violations today ?1 ", said)
    assert re.search(r"75.0% \(30.1%.95.4%\) of 4 people-minutes", said)
    assert re.search(r"door gives pictures ?hall no picture so far", said)
    assert "gate last picture" in said


def test_other_pages_lead_there_only_where_there_are_sites(stage: Stage) -> None:
    assert 'href="/sites"' in stage.ask("GET", "/violations").text
    with stage.store._engine.begin() as connection:
        connection.execute(text("DELETE FROM site_cameras"))
        connection.execute(text("DELETE FROM sites"))
    assert 'href="/sites"' not in stage.ask("GET", "/violations").text
    assert "No site has forwarded anything" in words(stage, "/sites")


def test_the_api_has_the_same(stage: Stage) -> None:
    north, south = stage.ask("GET", "/api/v1/sites", Role.VIEWER).json()
    assert (north["name"], north["waiting"], north["is_silent"]) == ("north & co", 3, False)
    assert (north["violations_today"], north["compliance"]["rate"]) == (1, 0.75)
    assert [(c["name"], c["is_live"]) for c in north["cameras"]] == [
        ("north & co/door", True),
        ("north & co/hall", False),
    ]
    assert (south["is_silent"], south["heard_at"]) == (True, "2026-05-04T12:00:00Z")
    assert not south["cameras"][0]["is_live"], "nobody knows"


def test_events_and_statistics_of_a_site(stage: Stage) -> None:
    def cameras(query: str) -> set[str]:
        answer = stage.ask("GET", f"/api/v1/events?{query}")
        return {event["camera"] for event in answer.json()["events"]}

    assert cameras("site=south") == {"south/gate"}
    assert cameras("site=north+%26+co&camera=north+%26+co/door") == {"north & co/door"}
    assert cameras("") == {"door", "hall", "north & co/door", "south/gate"}
    found = stage.ask("GET", "/api/v1/statistics?site=north+%26+co").json()
    assert (found["total"]["people"], found["violations"]) == (4, 1)
    for path in (
        "/api/v1/events?site=east",
        "/api/v1/statistics?site=east",
        "/api/v1/events?site=south&camera=door",
    ):
        answer = stage.ask("GET", path)
        assert answer.status_code == 404, path
        assert "/api/v1/sites lists them" in answer.json()["error"]


def test_pages_of_a_site(stage: Stage) -> None:
    page = stage.ask("GET", "/violations").text
    assert "<option>north &amp; co</option>" in page
    assert "<option>south/gate</option>" in page
    page = stage.ask("GET", "/statistics?site=north+%26+co").text
    assert re.search(r'site=north%20%26%20co[^>]*aria-current="true"', page)
    assert re.search(r'value="north &amp; co/door"\s+checked', page)
    assert not re.search(r'value="door"\s+checked', page)


def test_the_gallery_opens_without_a_store(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> list[str]:
        raise StoreUnavailableError("it is locked")

    monkeypatch.setattr(stage.store, "site_names", fails)
    page = stage.ask("GET", "/violations")
    assert page.status_code == 200
    assert "<option>door</option>" in page.text
    assert 'id="site"' not in page.text


def test_metrics_of_sites_and_without_a_store(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = stage.ask("GET", "/metrics").text
    assert 'maskcam_site_waiting{site="north & co"} 3.0' in figures
    heard = re.search(r'maskcam_site_heard_timestamp_seconds\{site="south"\} (\S+)', figures)
    assert heard is not None
    assert float(heard[1]) == NOON.timestamp()

    def fails() -> None:
        raise StoreUnavailableError("it is locked")

    monkeypatch.setattr(stage.store, "sites_heard", fails)
    figures = stage.ask("GET", "/metrics").text
    assert "maskcam_up 1.0" in figures
    assert "north" not in figures
