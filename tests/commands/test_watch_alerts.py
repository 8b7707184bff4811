from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli import cut_clip, run_cli
from tests.sinks.brokers import Listener, Mosquitto, free_port, wait_until
from tests.sinks.hooks import HookServer


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def write_config(folder: Path, text: str) -> Path:
    file = folder / "maskcam.toml"
    file.write_text(f"[detector]\nsize = 320\n[outbox]\npath = '{folder / 'o.sqlite'}'\n{text}")
    return file


def test_a_broker_and_a_web_server_are_told(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "hunter2")
    (tmp_path / "mosquitto").mkdir()
    with (
        Mosquitto(tmp_path / "mosquitto", users={"cam": "hunter2", "reader": "r"}) as broker,
        Listener(broker.port, user="reader", password="r") as listener,
        HookServer() as server,
    ):
        config = write_config(
            tmp_path,
            f"[mqtt]\nurl = 'mqtt://cam:${{HOOK_SECRET}}@127.0.0.1:{broker.port}'\n"
            f"[[webhook]]\nurl = '{server.url}'\nsecret = '${{HOOK_SECRET}}'\npicture = 'face'\n",
        )
        done = run_cli(capsys, "watch", clip, "--headless", "-c", config)
        assert done.code == 0, done.out + done.err
        hooked = [request.content for request in server.taken]
        wait_until(
            lambda: listener.last("maskcam/status") == b"offline"
        )  # the broker hands it on in its own time
        published = listener.bodies("/violation")
    assert {(c["event"], c["status"]) for c in hooked} >= {("started", "no_mask"), ("ended", "no_mask")}
    assert [(c["key"], c["event"]) for c in hooked] == [(c["key"], c["event"]) for c in published]
    assert all("picture" in c for c in hooked if c["event"] == "started")
    assert listener.bodies("/state")[-1]["violations"] == 0
    assert "hunter2" not in done.out + done.err
    assert "away" not in done.out + done.err


def test_receivers_that_are_away_are_said_once_and_hold_nothing_up(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    config = write_config(
        tmp_path,
        f"[mqtt]\nurl = 'mqtt://cam:hunter2@127.0.0.1:{port}'\n"
        f"[[webhook]]\nurl = 'http://127.0.0.1:{port}/hunter2'\n",
    )
    done = run_cli(capsys, "watch", clip, "--headless", "-c", config)
    assert done.code == 0, done.out + done.err
    assert done.out.count(f"the MQTT broker mqtt://127.0.0.1:{port} is away (connection refused)") == 1
    assert done.out.count(f"the webhook 127.0.0.1:{port} is away (no connection: connection refused)") == 1
    assert done.out.count("messages wait in") == 2
    assert "hunter2" not in done.out + done.err
    with sqlite3.connect(tmp_path / "o.sqlite") as db:
        counts = dict(db.execute("SELECT receiver, count(*) FROM messages GROUP BY receiver"))
    db.close()
    assert counts["mqtt"] == counts[f"webhook 127.0.0.1:{port}"] >= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nurl = 'broker:hunter2'", "mqtt://HOST:PORT"),
        ("[[webhook]]\nurl = 'https://h/${NO_SUCH_SECRET}'", "NO_SUCH_SECRET, which is not set"),
        ("[outbox]\npath = '/proc/no/o.sqlite'\n[mqtt]\nurl = 'mqtt://h'", "set [outbox] path"),
    ],
)
def test_what_cannot_work_is_one_sentence_at_the_start(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    config = tmp_path / "maskcam.toml"
    config.write_text(text)
    done = run_cli(capsys, "watch", clip, "--headless", "-c", config)
    assert done.code in (1, 2)
    assert words in done.err
    assert "hunter2" not in done.out + done.err
    assert "Traceback" not in done.err
