"""The pages of cameras, and what they ask of the API."""

import tomllib
from typing import Any

import pytest

from maskcam.web.roles import Role
from tests.web.stage import ORIGIN, SECRETS, Stage


def table(stage: Stage, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(stage.context.config_file.path.read_text())["camera"][number]
    return found


def test_admins_see_cameras_and_how_they_are_set_up(stage: Stage) -> None:
    text = stage.ask("GET", "/cameras").text
    assert "rtsp://***@10.0.0.7/live" in text
    assert "/cameras/edit?name=door" in text
    assert "1 zone, at all hours" in " ".join(text.split())
    editor = stage.ask("GET", "/cameras/edit?name=door").text
    assert 'value="rtsp://***@10.0.0.7/live"' in editor
    assert "[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]" in editor
    assert not any(secret in text + editor for secret in SECRETS)
    assert stage.ask("GET", "/cameras/edit?name=nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/cameras", "/cameras/edit?name=door"])
def test_others_get_a_sentence(stage: Stage, path: str) -> None:
    answer = stage.ask("GET", path, Role.OPERATOR)
    assert answer.status_code == 403
    assert "Cameras are added and changed by admins only; operator is operator." in " ".join(
        answer.text.split()
    )
    assert "10.0.0.7" not in answer.text


def test_names_with_signs_are_found_again(stage: Stage) -> None:
    stage.ask("POST", "/api/v1/cameras", json={"name": 'a&b "c" <d>', "source": "0"})
    text = stage.ask("GET", "/cameras").text
    assert "/cameras/edit?name=a%26b%20%22c%22%20%3Cd%3E" in text
    assert stage.ask("GET", "/cameras/edit?name=a%26b%20%22c%22%20%3Cd%3E").status_code == 200


def test_the_faces_of_the_moment(stage: Stage) -> None:
    found = stage.ask("GET", "/api/v1/cameras/door/faces", Role.VIEWER).json()
    assert found["size_wh"] == [320, 240]
    assert found["faces"] == [
        {
            "track_id": 1,
            "box_xyxy": [100, 80, 160, 150],
            "score": 0.9,
            "side": 60,
            "status": "no_mask",
            "is_required": True,
        }
    ]
    assert stage.ask("GET", "/api/v1/cameras/hall/faces").status_code == 503
    assert stage.ask("GET", "/api/v1/cameras/nowhere/faces").status_code == 404


def test_the_score_of_faces_is_one_of_the_cameras_own(stage: Stage) -> None:
    file = stage.context.config_file.path
    file.write_text(file.read_text().replace('name = "door" ', 'detector = {size = 320}\nname = "door" '))
    assert stage.ask("POST", "/api/v1/reload").status_code == 200
    changes = stage.ask("PUT", "/api/v1/cameras/door", json={"face_score": 0.5}).json()
    assert (changes["adjusted"], changes["unchanged"]) == (["door"], ["hall"])
    assert table(stage)["detector"] == {"size": 320, "minimum_score": 0.5}
    assert 'value="0.5"' in stage.ask("GET", "/cameras/edit?name=door").text
    stage.ask("PUT", "/api/v1/cameras/hall", json={"face_score": 0.7})
    assert table(stage, 1)["detector"] == {"minimum_score": 0.7}
    stage.ask("PUT", "/api/v1/cameras/door", json={"face_score": None})
    assert table(stage)["detector"] == {"size": 320}
    stage.ask("POST", "/api/v1/cameras", json={"name": "gate", "source": "0", "face_score": 0.4})
    assert table(stage, 2)["detector"] == {"minimum_score": 0.4}
    assert stage.ask("PUT", "/api/v1/cameras/door", json={"face_score": 2}).status_code == 422


def test_what_is_a_violation_can_be_set_for_all(stage: Stage) -> None:
    answer = stage.ask("PUT", "/api/v1/settings/violations", json={"dwell_seconds": 3})
    assert answer.json()["restarts"]
    assert stage.service.config.violations.dwell_seconds == 3
    text = stage.context.config_file.path.read_text()
    assert tomllib.loads(text)["violations"] == {"dwell_seconds": 3}
    assert "# cameras of the ward" in text
    assert stage.ask("PUT", "/api/v1/settings/violations", json={"lost_seconds": 0}).status_code == 422
    assert stage.ask("PUT", "/api/v1/settings/violations", json={"better_view": 2}).status_code == 422
    assert stage.ask("PUT", "/api/v1/settings/violations", Role.OPERATOR, json={}).status_code == 403


def test_a_page_of_another_site_changes_nothing(stage: Stage) -> None:
    stage.log_in()
    for headers, status in (({"Origin": "http://evil"}, 403), ({"Origin": ORIGIN}, 200)):
        answer = stage.client.put("/api/v1/settings/violations", json={"dwell_seconds": 5}, headers=headers)
        assert answer.status_code == status
