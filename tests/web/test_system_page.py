"""The page of the system: for everybody what runs, for admins tokens, sessions and reloading."""

import re
from pathlib import Path

import pytest

from maskcam.about import networks, versions
from maskcam.classifiers.base import RemoteState
from maskcam.config import Config
from maskcam.errors import StoreUnavailableError
from maskcam.service import ServiceState
from maskcam.web.roles import Role
from maskcam.web.system_page import size
from tests.web.stage import ORIGIN, SECRETS, Stage


def words(stage: Stage, role: Role = Role.ADMIN) -> str:
    return re.sub(r"\s+", " ", stage.ask("GET", "/system", role).text)


def test_what_runs_and_what_is_kept(stage: Stage) -> None:
    text = words(stage, Role.VIEWER)
    assert "Frames are judged, and the event store answers." in text
    assert "2 of 2 give pictures" in text
    assert "<dt>Violations</dt><dd>3, 0 of them protected</dd>" in text
    assert re.search(r"<dt>Database</dt><dd>SQLite, [\d.]+ kB</dd>", text)
    assert "Judging masks: mobilenet_v2" in text
    assert "scenes/test, found faces" in text
    assert "API tokens" not in text
    assert "Read the configuration file anew" not in text
    assert str(stage.context.config_file.path.parent) not in text, "no path of this machine"


def test_a_service_that_stands_still_says_why(stage: Stage) -> None:
    stage.service.state = ServiceState(False, "no space left on the disk", 4, "")
    assert "Nothing is judged: no space left on the disk." in words(stage)
    assert "<dt>Restarts after faults</dt><dd>4</dd>" in words(stage)


def test_a_model_server_that_is_away_is_told(stage: Stage) -> None:
    assert "Model server" not in words(stage)
    stage.service.remote = RemoteState("box:9100", True, None, 2, 70, 9)
    assert "<dt>Model server</dt><dd>box:9100, judges</dd>" in words(stage)
    assert "<dt>Faces judged there, and here instead</dt><dd>70, 9</dd>" in words(stage)
    assert "judged on this machine" not in words(stage)
    stage.service.remote = RemoteState("box:9100", False, "the model server at box:9100 is tired", 3, 70, 9)
    assert "Faces are judged on this machine: the model server at box:9100 is tired." in words(stage)
    assert "<dt>Times it was away</dt><dd>3</dd>" in words(stage)


def test_a_store_that_does_not_answer_leaves_the_rest(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> int:
        raise StoreUnavailableError("it is locked")

    monkeypatch.setattr(stage.store, "size_bytes", fails)
    assert "The event store: it is locked." in words(stage)
    assert "Judging masks: mobilenet_v2" in words(stage)


def test_admins_see_tokens_but_no_secret(stage: Stage) -> None:
    stage.log_in()
    text = words(stage)
    assert 'data-revoke="/api/v1/tokens/1"' in text
    assert 'data-revoke="/api/v1/sessions/admin"' in text
    assert not any(secret in text for secret in (*SECRETS, *stage.tokens.values()))


def test_logging_somebody_out_everywhere(stage: Stage) -> None:
    for _ in range(2):
        stage.log_in()
    (found,) = stage.context.accounts.sessions()
    assert (found.name, found.count) == ("admin", 2)
    assert stage.client.get("/api/v1/me").status_code == 200
    assert stage.ask("DELETE", "/api/v1/sessions/admin", Role.OPERATOR).status_code == 403
    assert stage.ask("DELETE", "/api/v1/sessions/admin", headers={"Origin": ORIGIN}).status_code == 204
    assert stage.client.get("/api/v1/me").status_code == 401
    assert stage.ask("DELETE", "/api/v1/sessions/admin").status_code == 404
    assert stage.context.accounts.sessions() == []


def test_networks_are_those_of_the_configuration() -> None:
    config = Config.model_validate({"device": "cpu", "backend": "torch", "detector": {"kind": "mediapipe"}})
    faces, masks = networks(config)
    assert (faces.backend, masks.backend) == ("mediapipe", "torch")
    assert dict(masks.figures)["scenes/test, found faces"].count("accuracy") == 1
    gone = config.model_copy(
        update={"classifier": config.classifier.model_copy(update={"weights": Path("/nowhere/x.onnx")})}
    )
    assert (networks(gone)[1].name, networks(gone)[1].backend) == ("x", "no longer to be read")
    assert versions().keys() >= {"Python", "maskcam", "av"}


def test_sizes() -> None:
    assert [size(n) for n in (0, 999, 1500, 2.5e6, 10**10, 5e13)] == [
        *("0 bytes", "999 bytes", "1.5 kB", "2.5 MB", "10.0 GB", "50.0 TB"),
    ]
