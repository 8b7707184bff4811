"""`maskcam serve` as its users start it: a process of its own, spoken to over loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from maskcam.commands.serve import check_password
from maskcam.config_serve import ServeConfig
from maskcam.errors import ConfigError
from maskcam.store.store import EventStore
from maskcam.web.accounts import Accounts
from maskcam.web.roles import Role
from tests.cli import DEMO, run_cli

START_SECONDS = 90.0
"""Loading PyTorch takes long on a machine that is busy with other tests."""


class Served:
    """A running `maskcam serve`."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.log = folder / "serve.log"
        self._file = self.log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "maskcam", "serve", "--port", "0", *args],
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "XDG_STATE_HOME": str(folder),
                "NO_PROXY": "127.0.0.1",
            },
        )
        self.wait(lambda: "serves http" in self.text, seconds=START_SECONDS)
        link = re.search(r"serves (http://127\.0\.0\.1:\d+)/(?:login\?key=(\S+))?", self.text)
        assert link, self.text
        self.key = link[2] or ""
        self.client = httpx2.Client(
            base_url=link[1], headers={"Authorization": f"Bearer {self.key}"}, timeout=20, trust_env=False
        )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def json(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, holds: Callable[[], Any], *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._file.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("demo"), "--demo")
    yield served
    served.stop()


def test_the_demonstration_shows_everything(demo: Served) -> None:
    assert httpx2.get(demo.client.base_url.join("/healthz"), trust_env=False).json() == {"status": "ok"}
    demo.wait(lambda: demo.client.get("/readyz").status_code == 200)
    demo.wait(lambda: demo.json("/api/v1/cameras")[0]["frames"] > 10)
    (camera,) = demo.json("/api/v1/cameras")
    assert (camera["name"], camera["state"], camera["source"]) == ("reception", "live", "demo.mp4")
    assert camera["fps"] > 0
    first = demo.client.get(camera["picture_url"])
    assert first.headers["content-type"] == "image/jpeg"
    demo.wait(lambda: demo.client.get(camera["picture_url"]).content != first.content)


def test_its_violations_are_in_the_store_with_their_pictures(demo: Served) -> None:
    demo.wait(lambda: any(event["snapshot_url"] for event in demo.json("/api/v1/events")["events"]))
    event = next(event for event in demo.json("/api/v1/events")["events"] if event["snapshot_url"])
    for url in (event["snapshot_url"], event["face_url"]):
        assert demo.client.get(url).content.startswith(b"\xff\xd8")
    assert 'maskcam_violations_total{camera="reception"' in demo.client.get("/metrics").text


def test_the_stream_tells_of_them(demo: Served) -> None:
    seen: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    with demo.client.stream("GET", "/api/v1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen[name] = json.loads(line.removeprefix("data: "))
            if {"numbers", "violation"} <= set(seen) or time.monotonic() > deadline:
                break
    assert seen["numbers"]["cameras"][0]["name"] == "reception"
    key = seen["violation"]["key"]
    demo.wait(lambda: key in [event["key"] for event in demo.json("/api/v1/events")["events"]])


def test_the_printed_link_logs_a_browser_in(demo: Served) -> None:
    with httpx2.Client(base_url=demo.client.base_url, trust_env=False) as browser:
        assert browser.get("/api/v1/me").status_code == 401
        answer = browser.get(f"/login?key={demo.key}", follow_redirects=True)
        assert answer.status_code == 200
        assert "reception" in answer.text


def test_a_camera_is_changed_while_it_runs(demo: Served) -> None:
    before = demo.json("/api/v1/cameras/reception")
    zones = [[[0.9, 0.9], [1, 0.9], [1, 1], [0.9, 1]]]
    answer = demo.client.put("/api/v1/cameras/reception", json={"zones": zones})
    assert answer.json()["adjusted"] == ["reception"], answer.text
    demo.wait(lambda: demo.json("/api/v1/cameras/reception")["faces"] == {})
    after = demo.json("/api/v1/cameras/reception")
    assert after["zones"] == zones
    assert after["frames"] > before["frames"]
    demo.client.put("/api/v1/cameras/reception", json={"zones": None})
    demo.wait(lambda: demo.json("/api/v1/cameras/reception")["faces"])


def test_a_service_is_reloaded_and_stopped_by_signals(tmp_path: Path) -> None:
    file = tmp_path / "maskcam.toml"
    text = (
        f'[store]\nurl = "{tmp_path}/events.db"\n[serve]\naccounts = "{tmp_path}/accounts.sqlite"\n'
        f'[[camera]]\nname = "clip"\nsource = "{DEMO}"\n'
    )
    file.write_text(text)
    served = Served(tmp_path, "-c", str(file))
    served.wait(lambda: served.json("/api/v1/events?is_open=true")["events"])
    file.write_text(text + "minimum_face = -1\n")
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: "line 8: camera.0.minimum_face" in served.text)
    assert served.json("/api/v1/cameras/clip")["minimum_face"] == 0
    file.write_text(text + "minimum_face = 10\n")
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: served.json("/api/v1/cameras/clip")["minimum_face"] == 10)
    with served.client.stream("GET", "/api/v1/stream"):  # somebody listens on
        assert served.stop() == 0, served.text
    assert "Traceback" not in served.text
    with EventStore.open(tmp_path / "events.db", create=False) as store:
        violations = store.violations()
    assert violations
    assert all(violation.ended_at is not None for violation in violations)


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text(f'[store]\nurl = "{tmp_path}/e.db"\n[serve]\naccounts = "{tmp_path}/a.sqlite"\n')
    served = Served(tmp_path, "-c", str(file))
    assert served.json("/api/v1/cameras") == []
    assert served.stop(signal.SIGINT) == 0, served.text
    assert "Traceback" not in served.text


class TestRefusals:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "maskcam.toml"
        file.write_text(f'[store]\nurl = "{tmp_path}/e.db"\n[serve]\naccounts = "{tmp_path}/a.sqlite"\n')
        return file

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["--demo", "-c", "FILE"], "--demo has settings of its own"),
            (["-c", "nowhere.toml"], "there is no configuration nowhere.toml"),
            (["-c", "FILE", "--host", "0.0.0.0"], "no password is set: run `maskcam serve --set-password`"),
            (["-c", "FILE", "--host", "::"], "no password is set"),
            (["-c", "FILE", "--host", "example.org"], "no password is set"),
            (["-c", "FILE", "--port", "70000"], "serve.port"),
            (["-c", "FILE", "--set-password", "--role", "emperor"], "--role takes viewer, operator, admin"),
        ],
    )
    def test_in_one_sentence(
        self, file: Path, args: list[str], words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done = run_cli(capsys, "serve", *(str(file) if arg == "FILE" else arg for arg in args))
        assert done.code == 2, done.out + done.err
        assert words in done.err
        assert len(done.err.strip().splitlines()) == 1

    def test_a_port_that_is_taken(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            done = run_cli(capsys, "serve", "-c", file, "--port", other.getsockname()[1])
        assert done.code == 2
        assert "address already in use): choose another with --host and --port" in done.err

    def test_a_missing_library(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "fastapi", None)
        done = run_cli(capsys, "serve", "-c", file)
        assert done.code == 1
        assert "pip install 'maskcam[serve]'" in done.err
        assert len(done.err.strip().splitlines()) == 1

    def test_a_password_is_read_from_a_pipe(
        self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import io

        monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
        done = run_cli(capsys, "serve", "-c", file, "--set-password", "--user", "guard", "--role", "viewer")
        assert done.code == 0, done.err
        assert "horse" not in done.out + done.err
        accounts = Accounts(tmp_path / "a.sqlite")
        assert accounts.check("guard", "correct horse battery") is Role.VIEWER
        check_password(ServeConfig(host="0.0.0.0"), accounts)
        with pytest.raises(ConfigError):
            check_password(ServeConfig(host="10.0.0.1"), Accounts(tmp_path / "others.sqlite"))


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("myhost", False),
    ],
)
def test_which_addresses_are_this_machine_only(host: str, is_local: bool) -> None:
    assert ServeConfig(host=host).is_local is is_local
