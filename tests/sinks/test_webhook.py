from __future__ import annotations

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import ConfigError, DeliveryError, MissingLibraryError
from maskcam.outbox.base import Message
from maskcam.sinks.alerts import AlertOptions
from maskcam.sinks.signature import verify
from maskcam.sinks.webhook import WebhookReceiver, WebhookSink
from maskcam.types import ViolationPhase
from tests.cli import ROOT
from tests.factories import make_frame, make_image, make_result, make_violation
from tests.outbox.messages import make_message
from tests.sinks.brokers import free_port, wait_until
from tests.sinks.hooks import HookServer, Request


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HookServer]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HookServer() as server:
        yield server


def options(folder: Path, said: list[str] | None = None, **changes: object) -> AlertOptions:
    given = {
        "outbox": folder / "o.sqlite",
        "run_id": "run",
        "messages_per_minute": 1e6,
        "retry_seconds": 0.05,
    }
    given |= changes
    if said is not None:
        given["tell"] = said.append
    return AlertOptions(**given)  # type: ignore[arg-type]


def post(server: HookServer, message: Message | None = None, **settings: object) -> None:
    settings = {"timeout_seconds": 0.5, **settings}
    with WebhookReceiver(server.url, **settings) as receiver:  # type: ignore[arg-type]
        receiver.deliver(message or make_message("{}"))


def test_a_post_is_signed_and_can_be_told_from_others(server: HookServer) -> None:
    message = make_message('{"a": "ü"}', key="run/Küche/+#\n/1")
    post(server, message, secret="s3cret")
    (request,) = server.requests
    assert request.body == message.body
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("maskcam/")
    assert request.headers["Idempotency-Key"].startswith("run/K%C3%BCche/%2B%23%0A/1/started/")
    assert verify(
        "s3cret",
        timestamp=request.headers["X-Maskcam-Timestamp"],
        body=request.body,
        signature=request.headers["X-Maskcam-Signature"],
    )


def test_without_a_secret_there_is_no_signature(server: HookServer) -> None:
    post(server)
    assert not any(name.startswith("X-Maskcam") for name in server.requests[0].headers)


@pytest.mark.parametrize(
    ("answer", "is_final", "words"),
    [
        (500, False, "it answers 500"),
        (503, False, "it answers 503"),
        (429, False, "it answers 429"),
        (408, False, "it answers 408"),
        (400, True, "it answers 400"),
        (404, True, "it answers 404"),
        (410, True, "it answers 410"),
        (302, False, "redirect, which is not followed"),
        (308, False, "redirect, which is not followed"),
        ("hang", False, "no answer for 0.5 s"),
        ("hang up", False, "the connection broke off"),
    ],
)
def test_what_is_worth_another_try(server: HookServer, answer: int | str, is_final: bool, words: str) -> None:
    server.always(answer, Location=f"{server.url}/elsewhere")
    with pytest.raises(DeliveryError, match=words) as caught:
        post(server)
    assert caught.value.is_final == is_final
    assert len(server.requests) == 1, "redirects are not followed"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("120", 120, 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("999999999", 3600, 3600),
        ("-5", 0, 0),
        ("nan", 0, 0),
        ("soon", 0, 0),
    ],
)
def test_retry_after(server: HookServer, text: str, low: float, high: float) -> None:
    server.always(429, Retry_After=text)
    with pytest.raises(DeliveryError) as caught:
        post(server)
    assert low <= caught.value.retry_seconds <= high


def test_retry_after_names_a_time(server: HookServer) -> None:
    server.always(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=600)))
    with pytest.raises(DeliveryError) as caught:
        post(server)
    assert 300 <= caught.value.retry_seconds <= 600


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with (
        WebhookReceiver(f"http://127.0.0.1:{free_port()}/x") as receiver,
        pytest.raises(DeliveryError, match="no connection: connection refused"),
    ):
        receiver.deliver(make_message())


@pytest.mark.parametrize(
    "url", ["ftp://user:hunter2@h", "hunter2", "http://", "http://[hunter2", "https://h:hunter2/x"]
)
def test_what_is_no_web_address_is_one_sentence_without_secrets(url: str) -> None:
    with pytest.raises(ConfigError, match="address of") as caught:
        WebhookReceiver(url)
    assert "hunter2" not in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingLibraryError, match=r"maskcam\[alerts\]"):
        WebhookReceiver("https://h/x")


def test_secrets_reach_neither_logs_nor_words(
    server: HookServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    url = server.url.replace("://", "://user:hunter2@") + "/hunter2-path?token=hunter2"
    server.answers.extend([500, "hang up", 404, 302])
    with WebhookSink(
        WebhookReceiver(url, secret="hunter2-secret", timeout_seconds=5),
        name="a",
        options=options(tmp_path, said),
    ) as sink:
        for i in range(3):
            sink.write(make_result(violations=(make_violation(violation_id=i + 1),)), None)
        wait_until(lambda: len(server.taken) == 2)
    assert "hunter2-path" in server.requests[0].path
    assert base64.b64decode(server.requests[0].headers["Authorization"].split()[1]) == b"user:hunter2"
    assert said
    assert "hunter2" not in "\n".join(said)
    assert "HTTP Request" in caplog.text
    assert "hunter2" not in caplog.text
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"hunter2" not in stored


def test_faults_of_all_kinds_lose_nothing_and_keep_the_order(server: HookServer, tmp_path: Path) -> None:
    server.answers.extend([500, 429, "hang up", "hang", 503])
    said: list[str] = []
    receiver = WebhookReceiver(server.url, timeout_seconds=0.3)
    with WebhookSink(receiver, name="a", options=options(tmp_path, said)) as sink:
        for i, phase in enumerate(ViolationPhase):
            sink.write(make_result(make_frame(index=i), violations=(make_violation(phase),)), None)
        wait_until(lambda: len(server.taken) == 3, seconds=60)
    assert [r.content["event"] for r in server.taken] == ["started", "updated", "ended"]
    assert [r.content["sequence"] for r in server.taken] == [1, 2, 3]
    identities = [r.headers["Idempotency-Key"] for r in server.requests]
    assert len(identities) == 8
    assert len(set(identities)) == 3, "the same for every attempt"
    assert [line.partition("(")[0] for line in said] == [
        f"{receiver.name} is away ",
        f"{receiver.name} is back",
    ]


def test_a_server_that_was_away_gets_everything_after_its_return_and_after_ours(
    server: HookServer, tmp_path: Path
) -> None:
    server.stop()
    said: list[str] = []
    for run in range(2):
        settings = options(tmp_path, said, run_id=f"run{run}")
        with WebhookSink(WebhookReceiver(server.url), name="a", options=settings) as sink:
            for i in range(5):
                sink.write(make_result(violations=(make_violation(violation_id=i + 1),)), None)
    assert sum("is away (no connection: connection refused)" in line for line in said) == 2
    assert "10 messages wait" in said[-1]
    server.start()
    with WebhookSink(WebhookReceiver(server.url), name="a", options=options(tmp_path)):
        wait_until(lambda: len(server.taken) == 10)
    assert [r.content["key"] for r in server.taken] == [
        f"run{run}/door/{i + 1}" for run in range(2) for i in range(5)
    ]


def test_a_hanging_server_never_delays_the_video(server: HookServer, tmp_path: Path) -> None:
    server.always("hang")
    receiver = WebhookReceiver(server.url, timeout_seconds=60)
    sink = WebhookSink(receiver, name="a", options=options(tmp_path, [], picture="face"))
    frame = make_frame((1280, 720))
    seconds = []
    sink.write(make_result(frame, violations=(make_violation(),)), None)
    wait_until(lambda: server.requests)
    for i in range(1, 1500):
        result = make_result(frame, violations=(make_violation(violation_id=i + 1),))
        start_seconds = time.perf_counter()
        sink.write(result, None)
        seconds.append(time.perf_counter() - start_seconds)
    assert len(server.requests) == 1, "the others wait"
    # well above what it takes, 0.1 ms, since the machine may be busy with something else
    assert np.median(seconds) < 0.01
    server.release()
    sink.close()


@pytest.mark.parametrize("kind", ["face", "frame"])
def test_a_picture_goes_along_with_the_best_view(server: HookServer, tmp_path: Path, kind: str) -> None:
    frame, drawn = make_frame((640, 480)), make_image((2560, 1440), seed=3)
    receiver = WebhookReceiver(server.url)
    with WebhookSink(receiver, name="a", options=options(tmp_path, picture=kind)) as sink:
        for phase in (ViolationPhase.STARTED, ViolationPhase.ENDED):
            result = make_result(frame, violations=(make_violation(phase),))
            assert sink.wants_picture(result) == (kind == "frame" and phase is ViolationPhase.STARTED)
            sink.write(result, drawn)
        wait_until(lambda: len(server.taken) == 2)
    started, ended = (r.content for r in server.taken)
    assert "picture" not in ended
    data = base64.b64decode(started["picture"]["base64"])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert [image.shape[1], image.shape[0]] == started["picture"]["size_wh"]
    if kind == "face":
        expected = frame.image[52:178, 76:184]
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 3
    else:
        assert image.shape == (720, 1280, 3)


def _has_grown(items: list[Request], count: int) -> bool:
    return len(items) >= count


SENDER = """
import sys, time
from pathlib import Path
from maskcam.sinks.alerts import AlertOptions
from maskcam.sinks.webhook import WebhookReceiver, WebhookSink
from tests.factories import make_result, make_violation
options = AlertOptions(outbox=Path(sys.argv[2]), run_id=sys.argv[3], messages_per_minute=1e6, tell=print)
sink = WebhookSink(WebhookReceiver(sys.argv[1]), name="a", options=options)
for i in range(10_000):
    sink.write(make_result(violations=(make_violation(violation_id=i + 1),)), None)
    time.sleep(0.005)
"""


def test_a_killed_sender_loses_at_most_its_last_moment_and_the_next_run_sends_the_rest(
    server: HookServer, tmp_path: Path
) -> None:
    outbox = tmp_path / "o.sqlite"
    for run in range(3):
        server.always(503 if run == 1 else 200)
        before = len(server.requests)
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, server.url, str(outbox), f"run{run}"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        expected = before + (1 if run == 1 else 20)
        wait_until(partial(_has_grown, server.requests, expected))
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    server.always(200)
    with WebhookSink(WebhookReceiver(server.url), name="a", options=options(tmp_path)) as sink:
        sink.write(make_result(violations=(make_violation(camera="last"),)), None)
        wait_until(lambda: any(r.content["camera"] == "last" for r in server.taken), seconds=60)
    keys = list(dict.fromkeys(r.content["key"] for r in server.taken if r.content["camera"] != "last"))
    for run in range(3):
        numbers = [int(key.split("/")[2]) for key in keys if key.startswith(f"run{run}/")]
        assert len(numbers) > 5
        assert numbers == list(range(1, len(numbers) + 1)), "in order, without a gap"
    assert [key.split("/")[0] for key in keys] == sorted(key.split("/")[0] for key in keys)


def test_the_body_is_json_that_any_language_reads(server: HookServer, tmp_path: Path) -> None:
    with WebhookSink(WebhookReceiver(server.url), name="a", options=options(tmp_path)) as sink:
        sink.write(
            make_result(
                make_frame(camera="Küche \udcff"), violations=(make_violation(camera="Küche \udcff"),)
            ),
            None,
        )
        wait_until(lambda: server.taken)
    assert json.loads(server.taken[0].body.decode())["camera"] == "Küche ?"
