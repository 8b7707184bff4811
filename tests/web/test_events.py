import shutil
from typing import Any

import pytest

from maskcam.store.records import ClipFile, ClipRecord, Pictures
from maskcam.web.roles import Role
from tests.store.rows import NOON, RUN, make_record
from tests.web.stage import Stage


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["events"]]


def test_newest_first_with_all_that_is_known(stage: Stage) -> None:
    newest, second, first = stage.ask("GET", "/api/v1/events").json()["events"]
    assert (newest["camera"], newest["ended_at"], newest["duration_seconds"]) == ("hall", None, None)
    assert second["key"] == f"{RUN}/door/2"
    assert second["started_at"] == "2026-05-04T12:01:00Z"
    assert second["duration_seconds"] == 14
    assert second["snapshot_url"] == f"/api/v1/events/{second['id']}/snapshot"
    assert second["transitions"][0]["status"] == "no_mask"
    assert first["snapshot_url"] is first["clip_url"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("camera=hall", [3]),
        ("camera=hall&camera=door", [3, 2, 1]),
        ("status=incorrect", []),
        ("since=2026-05-04T12:01:00Z", [3, 2]),
        ("since=2026-05-04T14:01:00%2B02:00&until=2026-05-04T12:02:00", [2]),
        ("is_open=true", [3]),
        ("is_protected=true", []),
        ("is_false_alarm=false&limit=2", [3, 2]),
    ],
)
def test_filters(stage: Stage, query: str, expected: list[int]) -> None:
    assert ids(stage.ask("GET", f"/api/v1/events?{query}")) == expected


def test_pages_hold_each_event_once_though_others_come_and_go(stage: Stage) -> None:
    stage.store.record([make_record(n, minutes=1) for n in range(10, 15)])  # at the same time as another
    seen: list[int] = []
    cursor = ""
    while True:
        page = stage.ask("GET", f"/api/v1/events?limit=2{cursor}").json()
        seen += [event["id"] for event in page["events"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        stage.store.record([make_record(100 + len(seen), minutes=60)])
        stage.store.delete([seen[-1]])  # the very one at which the page ended
    assert seen == [3, 8, 7, 6, 5, 4, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "MQ==", "Li4vLi4=", "OTk5OS0wMS0wMSAx", "%00", "a" * 201])
def test_a_made_up_cursor_is_refused(stage: Stage, cursor: str) -> None:
    assert stage.ask("GET", f"/api/v1/events?cursor={cursor}").status_code == 422


def test_pictures(stage: Stage) -> None:
    answer = stage.ask("GET", "/api/v1/events/2/snapshot", Role.VIEWER)
    assert answer.content == b"\xff\xd8frame\xff\xd9"
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert stage.ask("GET", "/api/v1/events/2/face").content == b"\xff\xd8face\xff\xd9"
    assert stage.ask("GET", "/api/v1/events/1/snapshot").status_code == 404


def test_parts_of_a_file_can_be_asked_for(stage: Stage) -> None:
    answer = stage.ask("GET", "/api/v1/events/2/snapshot", headers={"Range": "bytes=2-6"})
    assert (answer.status_code, answer.content) == (206, b"frame")
    assert answer.headers["content-range"] == "bytes 2-6/9"
    assert stage.ask("GET", "/api/v1/events/2/snapshot", headers={"Range": "bytes=99-"}).status_code == 416


def test_a_clip_is_played_in_parts(stage: Stage) -> None:
    path = stage.store.media.path("2026-05-04/clip.mp4")
    path.write_bytes(b"0123456789")
    clip = ClipFile("2026-05-04/clip.mp4", 10, 9.5, 3.0)
    stage.store.record([ClipRecord(run_id=RUN, camera="door", number=2, clip=clip)])
    event = stage.ask("GET", "/api/v1/events/2").json()
    assert (event["clip_seconds"], event["clip_lead_seconds"]) == (9.5, 3.0)
    whole = stage.ask("GET", event["clip_url"], Role.VIEWER)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    part = stage.ask("GET", event["clip_url"], headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"456789")


def test_pictures_that_are_gone_are_said_to_be(stage: Stage) -> None:
    shutil.rmtree(stage.store.media.folder)
    assert stage.ask("GET", "/api/v1/events/2/snapshot").status_code == 404


@pytest.mark.parametrize(
    "name", ["../../../../etc/passwd", "/etc/passwd", "2026-05-04/../../events.db", "..%2fevents.db"]
)
def test_not_even_a_row_leads_out_of_the_media_folder(stage: Stage, name: str) -> None:
    stage.store.record([make_record(7, minutes=5, pictures=Pictures(name, name, 1))])
    event = stage.ask("GET", "/api/v1/events").json()["events"][0]
    answer = stage.ask("GET", event["snapshot_url"])
    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "SQLite" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events/../../../etc/passwd",
        "/api/v1/events/..%2f..%2fetc%2fpasswd/snapshot",
        "/api/v1/events/2/snapshot/../../../../etc/passwd",
        "/api/v1/events/2%00/snapshot",
        "/api/v1/events/-1/snapshot",
        "/api/v1/events/9223372036854775808",
        "/api/v1/cameras/..%2f..%2fetc%2fpasswd/picture",
    ],
)
def test_paths_lead_nowhere(stage: Stage, path: str) -> None:
    assert stage.ask("GET", path).status_code in (404, 422)


def test_what_people_make_of_it(stage: Stage) -> None:
    changed = stage.ask("PATCH", "/api/v1/events/1", Role.OPERATOR, json={"is_false_alarm": True}).json()
    assert (changed["is_false_alarm"], changed["is_protected"]) == (True, False)
    stage.ask("PATCH", "/api/v1/events/1", json={"is_protected": True})
    stage.ask("PATCH", "/api/v1/events/1", json={"is_false_alarm": False})
    stored = stage.store.get(1)
    assert stored is not None
    assert (stored.is_false_alarm, stored.is_protected) == (False, True)
    assert stage.ask("PATCH", "/api/v1/events/1", json={"status": "mask"}).status_code == 422
    assert stage.ask("PATCH", "/api/v1/events/99", json={}).status_code == 404


def test_deleting_takes_the_pictures_along(stage: Stage) -> None:
    stored = stage.store.get(2)
    assert stored is not None
    assert stored.pictures is not None
    path = stage.store.media.path(stored.pictures.frame)
    assert path.exists()
    assert stage.ask("DELETE", "/api/v1/events/2").status_code == 204
    assert not path.exists()
    assert stage.ask("DELETE", "/api/v1/events/2").status_code == 404


def test_a_store_that_is_away_is_a_503(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskcam.errors import StoreUnavailableError

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("the event store does not answer")

    monkeypatch.setattr(type(stage.store), "violations", away)
    monkeypatch.setattr(type(stage.store), "cameras", away)
    answer = stage.ask("GET", "/api/v1/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    ready = stage.client.get("/readyz")
    assert (ready.status_code, ready.json()["store"]) == (503, False)


def test_statistics_per_camera_and_hour(stage: Stage) -> None:
    path = f"/api/v1/statistics?since={NOON:%Y-%m-%d}T00:00:00Z&until={NOON:%Y-%m-%d}T23:59:59Z"
    found = stage.ask("GET", path, Role.VIEWER).json()
    assert found["total"]["judged"] == 20
    assert found["total"]["rate"] == 0.75
    low, high = found["total"]["interval"]
    assert 0.5 < low < 0.75 < high < 0.9
    assert [group["camera"] for group in found["cameras"]] == ["door"]
    assert len(found["spans"]) == len(found["camera_spans"]) == 1
    assert found["violations_by_camera"] == {"door": 2, "hall": 1}
    assert found["violations_by_status"] == {"no_mask": 3}
    empty = stage.ask("GET", f"{path}&camera=nowhere").json()
    assert empty["total"]["rate"] is empty["total"]["interval"] is None


@pytest.mark.parametrize(
    "query", ["since=2026-05-04&until=2026-05-03", "since=2020-01-01", "until=0001-01-01", "until=9999-12-31"]
)
def test_spans_that_make_no_sense(stage: Stage, query: str) -> None:
    assert stage.ask("GET", f"/api/v1/statistics?{query}").status_code == 422
