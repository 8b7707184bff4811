import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.probing.report import Latency, Pictures, SourceReport, Video, Work
from maskcam.web.api import cameras
from maskcam.web.roles import Role
from tests.web.stage import Stage

RTSP = "rtsp://admin:n3w-hunter2@10.0.0.9/stream"


def text_of(stage: Stage) -> str:
    return stage.context.config_file.path.read_text()


def test_cameras_with_their_numbers_and_without_passwords(stage: Stage) -> None:
    door, hall = stage.ask("GET", "/api/v1/cameras", Role.VIEWER).json()
    assert door["source"] == "rtsp://***@10.0.0.7/live"
    assert hall["source"] == "http://10.0.0.8/video.mjpg?token=***"
    assert (door["state"], door["captured"], door["dropped"], door["frames"]) == ("live", 50, 2, 40)
    assert door["zones"] == [[[0, 0], [1, 0], [1, 1]]]
    assert stage.ask("GET", "/api/v1/cameras/door").json() == door
    assert stage.ask("GET", "/api/v1/cameras/nowhere").status_code == 404


def test_a_camera_without_a_name_is_found_by_that_of_its_source(stage: Stage) -> None:
    file = stage.context.config_file.path
    file.write_text(file.read_text().replace('name = "hall"\n', ""))
    stage.ask("POST", "/api/v1/reload")
    hall = stage.ask("GET", "/api/v1/cameras").json()[1]
    assert hall["name"] == "http://10.0.0.8/video.mjpg?token=***"
    assert hall["picture_url"].count("/") == 5
    assert stage.ask("GET", hall["picture_url"]).status_code == 503
    address = hall["picture_url"].removesuffix("/picture")
    assert stage.ask("GET", address).json()["name"] == hall["name"]
    assert stage.ask("PUT", address, json={"minimum_face": 20}).json()["adjusted"] == [hall["name"]]


def test_a_new_camera_goes_into_the_file_and_to_work(stage: Stage) -> None:
    wanted = {"name": "gate", "source": RTSP, "analysis_fps": 5, "hours": ["Mon-Fri 06:00-22:00"]}
    answer = stage.ask("POST", "/api/v1/cameras", json=wanted)
    assert answer.status_code == 201, answer.text
    assert answer.json()["source"] == "rtsp://***@10.0.0.9/stream"
    assert list(stage.service.cameras()) == ["door", "hall", "gate"]
    text = text_of(stage)
    assert RTSP in text
    assert "# cameras of the ward" in text
    assert '"door"       # the one at the front' in text
    assert stage.context.config_file.load() == stage.service.config
    assert stage.ask("POST", "/api/v1/cameras", json=wanted).status_code == 422, "the name is taken"


def test_zones_are_changed_without_a_reconnect(stage: Stage) -> None:
    zones = [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]]
    changes = stage.ask("PUT", "/api/v1/cameras/door", json={"zones": zones}).json()
    assert (changes["adjusted"], changes["reconnected"], changes["unchanged"]) == (["door"], [], ["hall"])
    assert stage.ask("GET", "/api/v1/cameras/door").json()["zones"] == zones
    stage.ask("PUT", "/api/v1/cameras/door", json={"zones": None})
    assert stage.ask("GET", "/api/v1/cameras/door").json()["zones"] == []
    assert "hunter2@10.0.0.7" in text_of(stage)


def test_a_source_that_reads_as_it_was_shown_stays(stage: Stage) -> None:
    shown = stage.ask("GET", "/api/v1/cameras/door").json()["source"]
    changes = stage.ask("PUT", "/api/v1/cameras/door", json={"source": shown, "transport": "udp"}).json()
    assert changes["reconnected"] == ["door"]
    assert "admin:hunter2@10.0.0.7" in text_of(stage)


def test_renaming_and_deleting(stage: Stage) -> None:
    changes = stage.ask("PUT", "/api/v1/cameras/hall", json={"name": "corridor"}).json()
    assert (changes["added"], changes["removed"]) == (["corridor"], ["hall"])
    assert stage.ask("PUT", "/api/v1/cameras/corridor", json={"name": "door"}).status_code == 422
    for name in ("corridor", "door"):
        assert stage.ask("DELETE", f"/api/v1/cameras/{name}").json()["removed"] == [name]
    assert stage.ask("GET", "/api/v1/cameras").json() == []
    assert stage.ask("DELETE", "/api/v1/cameras/door").status_code == 404
    assert stage.ask("POST", "/api/v1/cameras", json={"name": "again", "source": "0"}).status_code == 201


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "/etc/passwd"}, "recordings can only be named in the configuration file"),
        ({"source": "file:///etc/passwd"}, "recordings can only"),
        ({"source": "rtsp://x/${HOME}"}, "environment variables can only"),
        ({"source": "concat:/etc/passwd|x"}, "recordings can only"),
        ({"source": "/dev/video0/../../etc/passwd"}, "recordings can only"),
        ({"source": "rtsp://x/\n[store]"}, "recordings can only"),
        ({"source": None}, "cannot do without"),
        ({"zones": [[[0, 0], [1, 1]]]}, "at least 3 corners"),
        ({"zones": [[[0, 0], [2, 0], [1, 1]]]}, "less than or equal to 1"),
        ({"hours": ["sometimes"]}, "such as"),
        ({"analysis_fps": -1}, "greater than 0"),
        ({"detector": {"weights": "/etc/passwd"}}, "Extra inputs"),
        ({"name": "a/b"}, "pattern"),
    ],
)
def test_what_is_wrong_changes_nothing(stage: Stage, settings: dict[str, object], words: str) -> None:
    before = text_of(stage), stage.service.config
    answer = stage.ask("PUT", "/api/v1/cameras/door", json=settings)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["error"]
    assert (text_of(stage), stage.service.config) == before


def test_what_the_service_refuses_is_not_written(stage: Stage) -> None:
    before = text_of(stage)
    stage.service.refuses = "weights are missing"
    answer = stage.ask("PUT", "/api/v1/cameras/door", json={"minimum_face": 9})
    assert (answer.status_code, answer.json()["error"]) == (503, "weights are missing")
    assert text_of(stage) == before
    assert len(list(stage.context.config_file.path.parent.glob(".maskcam.toml*"))) == 0


def test_what_cannot_be_written_is_not_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = text_of(stage), stage.service.config

    def refuse(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", refuse)
    answer = stage.ask("PUT", "/api/v1/cameras/door", json={"minimum_face": 9})
    assert answer.status_code == 503
    assert "device or resource busy): nothing was changed" in answer.json()["error"]
    assert (text_of(stage), stage.service.config) == before


def test_a_link_to_the_file_stays_a_link_and_its_rights_stay(stage: Stage) -> None:
    file = stage.context.config_file.path
    real = file.with_name("real.toml")
    file.rename(real)
    file.symlink_to(real)
    real.chmod(0o640)
    assert stage.ask("PUT", "/api/v1/cameras/door", json={"minimum_face": 9}).status_code == 200
    assert file.is_symlink()
    assert "minimum_face = 9" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_reload_refuses_what_is_not_valid_with_its_line(stage: Stage) -> None:
    file = stage.context.config_file.path
    good, config = file.read_text(), stage.service.config
    file.write_text(good.replace('name = "hall"', 'name = "hall"\nminimum_face = -3'))
    answer = stage.ask("POST", "/api/v1/reload")
    assert answer.status_code == 422
    assert "line 18: camera.1.minimum_face: " in answer.json()["error"]
    file.write_text(good + "\nx = ]\n")
    assert "line 20" in stage.ask("POST", "/api/v1/reload").json()["error"]
    assert stage.service.config is config
    file.write_text(good + "\n[voting]\nmemory_seconds = 3\n")
    assert stage.ask("POST", "/api/v1/reload").json()["restarts"]


def test_the_picture_with_and_without_the_overlay(stage: Stage) -> None:
    drawn, plain = (
        stage.ask("GET", f"/api/v1/cameras/door/picture?overlay={overlay}") for overlay in ("true", "false")
    )
    assert drawn.headers["content-type"] == "image/jpeg"
    sizes = [cv2.imdecode(np.frombuffer(x.content, np.uint8), cv2.IMREAD_COLOR).shape for x in (drawn, plain)]
    assert sizes == [(240, 320, 3), (240, 320, 3)]
    assert drawn.content != plain.content
    waiting = stage.ask("GET", "/api/v1/cameras/hall/picture")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")


def test_probing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def probe(spec: str, **_: object) -> SourceReport:
        asked.append(spec)
        return SourceReport("rtsp://***@x", "rtsp", True, 5.0, Video(), Pictures(9), Latency(0.1), Work())

    monkeypatch.setattr(cameras, "probe", probe)
    answer = stage.ask("POST", "/api/v1/cameras/door/probe?seconds=1", Role.OPERATOR)
    assert answer.status_code == 200, answer.text
    assert answer.json()["pictures"]["decoded"] == 9
    assert stage.ask("POST", "/api/v1/cameras/probe", json={"source": RTSP}).status_code == 200
    assert asked == ["rtsp://admin:hunter2@10.0.0.7/live", RTSP]
    assert stage.ask("POST", "/api/v1/cameras/probe", json={"source": "/etc/passwd"}).status_code == 422


def test_a_camera_that_cannot_be_probed_is_a_sentence(stage: Stage) -> None:
    answer = stage.ask("POST", "/api/v1/cameras/probe", json={"source": "rtsp://u:hunter2@127.0.0.1:9/x"})
    assert answer.status_code == 502
    assert "127.0.0.1" in answer.json()["error"]
    assert "hunter2" not in answer.text
