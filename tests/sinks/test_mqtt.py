from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from maskcam.errors import ConfigError, DeliveryError, MissingLibraryError
from maskcam.sinks.alerts import AlertOptions
from maskcam.sinks.camera_state import StateBoard
from maskcam.sinks.mqtt import Broker, MqttReceiver, MqttSink
from maskcam.sinks.mqtt_topics import Topics, topic_name
from maskcam.types import MaskStatus, ViolationPhase
from tests.cli import ROOT
from tests.factories import make_frame, make_result, make_track, make_violation
from tests.outbox.messages import make_message
from tests.sinks.brokers import Listener, Mosquitto, free_port, wait_until

TOPICS = Topics("site/maskcam", "homeassistant")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One for the whole module; tests use prefixes of their own."""
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


def make_sink(
    port: int,
    folder: Path,
    *,
    cameras: tuple[str, ...] = ("door",),
    topics: Topics = TOPICS,
    **changes: object,
) -> MqttSink:
    given = {
        "outbox": folder / "o.sqlite",
        "run_id": "run",
        "messages_per_minute": 1e6,
        "retry_seconds": 0.05,
    }
    return MqttSink(
        Broker("127.0.0.1", port, is_encrypted=False),
        cameras=cameras,
        topics=topics,
        options=AlertOptions(**given | changes),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", Broker("broker", 1883, False)),
        ("mqtts://broker/", Broker("broker", 8883, True)),
        ("mqtt://me:p%40ss%2F@10.0.0.7:1884", Broker("10.0.0.7", 1884, False, "me", "p@ss/")),
        ("mqtt://[::1]:1", Broker("::1", 1, False)),
    ],
)
def test_addresses(url: str, expected: Broker) -> None:
    assert Broker.parse(url) == expected
    assert "p@ss" not in f"{expected} {expected!r}"


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hunter2@h",
        "hunter2",
        "mqtt://",
        "mqtt://u:hunter2@h:port",
        "mqtt://h/hunter2",
        "mqtt://[hunter2",
    ],
)
def test_what_is_no_address_is_one_sentence_without_secrets(url: str) -> None:
    with pytest.raises(ConfigError, match="mqtt://HOST:PORT") as caught:
        Broker.parse(url)
    assert "hunter2" not in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingLibraryError, match=r"maskcam\[alerts\]"):
        MqttReceiver(Broker.parse("mqtt://h"), topics=TOPICS)


@pytest.mark.parametrize("name", ["door", "Ward-3", "cam_1"])
def test_plain_names_stay(name: str) -> None:
    assert topic_name(name) == name


def test_no_name_leaves_its_level_or_meets_another() -> None:
    names = [
        "a/b",
        "a_b",
        "a+b",
        "a#b",
        "../b",
        "+",
        "#",
        "/",
        "$SYS",
        "Küche",
        "厨房",
        "a\0b",
        "a b",
        "x" * 200,
        "",
    ]
    topics = [topic_name(name) for name in names]
    assert len(set(topics)) == len(names)
    for topic in topics:
        assert set(topic) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), topic
        assert 0 < len(topic) < 80


def test_what_a_broker_gets(broker: Mosquitto, tmp_path: Path) -> None:
    camera = "Ward 3/+#"
    topic = f"site/maskcam/{topic_name(camera)}"
    tracks = (
        make_track(status=MaskStatus.NO_MASK),
        make_track(status=MaskStatus.MASK, track_id=2),
        replace(make_track(status=MaskStatus.NO_MASK, track_id=3), is_required=False),
    )
    with Listener(broker.port) as listener:
        with make_sink(broker.port, tmp_path, cameras=(camera,)) as sink:
            frame = make_frame(camera=camera)
            sink.write(make_result(frame, tracks, (make_violation(camera=camera),)), None)
            wait_until(lambda: any(s["violations"] for s in listener.bodies("/state")))
            wait_until(lambda: listener.bodies("/violation"))
            assert listener.last("site/maskcam/status") == b"online"
            state = json.loads(listener.last(f"{topic}/state") or b"")
            sink.finish([make_violation(ViolationPhase.ENDED, camera=camera)])
            wait_until(lambda: len(listener.bodies("/violation")) == 2)
            wait_until(lambda: not listener.bodies("/state")[-1]["violations"])
            after = listener.bodies("/state")[-1]
        wait_until(lambda: listener.last("site/maskcam/status") == b"offline")
    assert state["people"] == {"mask": 1, "no_mask": 1, "incorrect": 0, "unsure": 0}
    assert (state["camera"], state["live"], state["violations"]) == (camera, True, 1)
    assert [(o["key"], o["status"]) for o in state["ongoing"]] == [(f"run/{camera}/1", "no_mask")]
    assert (after["people"]["no_mask"], after["ongoing"]) == (0, [])
    started, ended = listener.bodies(f"{topic}/violation")
    assert (started["event"], started["camera"], started["ended_at"]) == ("started", camera, None)
    assert (ended["event"], ended["duration_seconds"]) == ("ended", 2.25)
    assert started["started_at"] == ended["started_at"] == state["ongoing"][0]["started_at"]


def test_states_and_what_home_assistant_needs_are_there_for_whoever_comes_later(
    broker: Mosquitto, tmp_path: Path
) -> None:
    cameras = ("door", "Küche/+#")
    with make_sink(broker.port, tmp_path, cameras=cameras, topics=Topics("ha test", "homeassistant")):
        with Listener(broker.port) as early:
            wait_until(lambda: early.last("ha test/door/state"))
            wait_until(lambda: early.last(f"ha test/{topic_name(cameras[1])}/state"))
        # what is not retained reached the first one only
        late = Listener(broker.port)
        wait_until(lambda: late.last("ha test/status"))
        late.__exit__()
    configs = {topic: json.loads(body) for topic, body, _ in early.messages if topic.endswith("/config")}
    configs = {
        topic: content
        for topic, content in configs.items()
        if content["availability_topic"] == "ha test/status"
    }
    assert len(configs) == 10
    assert len({content["unique_id"] for content in configs.values()}) == 10
    for topic, content in configs.items():
        prefix, component, node, thing, last = topic.split("/")
        assert (prefix, last) == ("homeassistant", "config")
        assert component in ("binary_sensor", "sensor")
        # Home Assistant takes nothing else in these two levels
        assert set(node + thing) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        assert content["unique_id"] == f"{node}_{thing}"
        assert content["device"]["identifiers"] == [node]
        assert content["device"]["name"] in cameras
        assert content["origin"]["name"] == "maskcam"
        assert early.last(content["state_topic"]) is not None
        assert (content["payload_available"], content["payload_not_available"]) == ("online", "offline")
        state = json.loads(early.last(content["state_topic"]) or b"")
        if component == "binary_sensor":
            assert content["device_class"] == "problem"
            assert "value_json.violations" in content["value_template"]
            assert state["violations"] == 0
        else:
            assert content["value_template"] == f"{{{{ value_json.people.{thing} }}}}"
            assert state["people"][thing] == 0


def test_without_a_discovery_prefix_home_assistant_is_left_alone(broker: Mosquitto, tmp_path: Path) -> None:
    with Listener(broker.port) as listener:
        with make_sink(broker.port, tmp_path, topics=Topics("quiet")):
            wait_until(lambda: listener.last("quiet/door/state"))
        assert not any("quiet" in body.decode() for topic, body, _ in listener.messages if "config" in topic)


def test_the_broker_restarts_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "mosquitto").mkdir()
    broker = Mosquitto(tmp_path / "mosquitto")
    said: list[str] = []
    with (
        broker,
        Listener(broker.port) as listener,
        make_sink(broker.port, tmp_path, tell=said.append) as sink,
    ):
        for i in range(30):
            if i == 10:
                wait_until(lambda: len(listener.bodies("/violation")) >= 10)
                broker.stop()
            if i == 20:
                wait_until(lambda: said)
                broker.start()
            sink.write(make_result(violations=(make_violation(violation_id=i + 1),)), None)
        wait_until(lambda: len({v["key"] for v in listener.bodies("/violation")}) == 30, seconds=60)
        wait_until(lambda: len(said) == 2)
    keys = list(dict.fromkeys(v["key"] for v in listener.bodies("/violation")))
    assert keys == [f"run/door/{i + 1}" for i in range(30)]
    assert "is away (it hung up)" in said[0] or "is away (connection refused)" in said[0]
    assert said[1].endswith("is back")


def test_nobody_there_at_the_start_is_said_once_and_messages_wait_for_the_next_run(
    broker: Mosquitto, tmp_path: Path
) -> None:
    said: list[str] = []
    with make_sink(free_port(), tmp_path, tell=said.append) as sink:
        for i in range(5):
            sink.write(make_result(violations=(make_violation(violation_id=i + 1),)), None)
        time.sleep(1)
    assert len(said) == 2
    assert "is away (connection refused): messages wait until it is back" in said[0]
    assert "5 messages wait in" in said[1]
    with Listener(broker.port) as listener, make_sink(broker.port, tmp_path, topics=Topics("next")):
        wait_until(lambda: len(listener.bodies("next/door/violation")) == 5)


KILLED = """
import sys, time
from pathlib import Path
from tests.sinks.test_mqtt import make_sink
from maskcam.sinks.mqtt_topics import Topics
sink = make_sink(int(sys.argv[1]), Path(sys.argv[2]), topics=Topics("killed"))
time.sleep(60)
"""


def test_the_last_will_tells_of_a_sender_that_was_killed(broker: Mosquitto, tmp_path: Path) -> None:
    with Listener(broker.port) as listener:
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(broker.port), str(tmp_path)], cwd=ROOT)
        wait_until(lambda: listener.last("killed/status") == b"online")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: listener.last("killed/status") == b"offline")
    with Listener(broker.port) as late:
        wait_until(lambda: late.last("killed/status") == b"offline")


def test_a_will_that_comes_too_late_is_corrected(broker: Mosquitto, tmp_path: Path) -> None:
    with Listener(broker.port) as listener, make_sink(broker.port, tmp_path, topics=Topics("late")):
        wait_until(lambda: listener.last("late/status") == b"online")
        before = len(listener.messages)
        other = MqttReceiver(Broker("127.0.0.1", broker.port, False), topics=Topics("late"))
        other.attend()
        other.close()  # says that it is offline
        wait_until(lambda: b"offline" in [b for t, b, _ in listener.messages[before:] if t == "late/status"])
        wait_until(lambda: listener.last("late/status") == b"online")


def test_passwords(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "mosquitto").mkdir()
    words = []
    with Mosquitto(tmp_path / "mosquitto", users={"cam": "p@ss/word:1", "reader": "r"}) as broker:
        good = f"mqtt://cam:p%40ss%2Fword%3A1@127.0.0.1:{broker.port}"
        with Listener(broker.port, user="reader", password="r") as listener:
            with MqttReceiver(Broker.parse(good), topics=TOPICS) as receiver:
                receiver.deliver(make_message("{}"))
            wait_until(lambda: listener.bodies("/violation"))
        for url in (
            good.replace("word", "w0rd"),
            good.replace("cam:", "cam2:"),
            f"mqtt://127.0.0.1:{broker.port}",
        ):
            with MqttReceiver(Broker.parse(url), topics=TOPICS) as receiver:
                with pytest.raises(DeliveryError, match="not authorized") as caught:
                    receiver.attend()
                words += [str(caught.value), receiver.name]
    assert "ss/w" not in caplog.text + " ".join(words)


def test_a_server_that_is_no_broker_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Broker("127.0.0.1", server.getsockname()[1], is_encrypted=False)
        receiver = MqttReceiver(address, topics=TOPICS, answer_seconds=0.3)
        with pytest.raises(DeliveryError, match="no answer"):
            receiver.attend()
        receiver.close()


# paho leaves the socket of a failed handshake to Python, which closes it with a warning
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_encryption_trusts_whom_it_is_told_to_and_no_stranger(tmp_path: Path) -> None:
    (tmp_path / "mosquitto").mkdir()
    with Mosquitto(tmp_path / "mosquitto", is_encrypted=True) as broker:
        address = Broker.parse(f"mqtts://127.0.0.1:{broker.port}")
        with MqttReceiver(address, topics=TOPICS, certificates=broker.certificate) as friend:
            friend.deliver(make_message("{}"))
        with (
            MqttReceiver(address, topics=TOPICS) as stranger,
            pytest.raises(DeliveryError, match="certificate verify failed"),
        ):
            stranger.attend()


def test_a_camera_without_pictures_is_not_live() -> None:
    now = [100.0]
    board = StateBoard(["door", "gate"], clock=lambda: now[0])
    board.see(make_result(make_frame(), (make_track(),)), [])
    assert [(s["live"], s["people"]["no_mask"]) for s in board.states().values()] == [(True, 1), (False, 0)]
    now[0] += 20
    assert [(s["live"], s["people"]["no_mask"]) for s in board.states().values()] == [(False, 0), (False, 0)]
