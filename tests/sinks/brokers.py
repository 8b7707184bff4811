"""A real MQTT broker of one's own on the loopback interface, and somebody who listens to it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.certificates import make_certificate
from tests.tools import require_tool


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until(is_so: Callable[[], Any], *, seconds: float = 20) -> None:
    """Waits; fails after so long, which is far more than it takes."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Mosquitto:
    """Debian's broker, with its data in a folder; may be stopped and started again on the same port.

    Args:
        folder: empty.
        users: names and passwords; none: anybody may come in.
        is_encrypted: TLS with a certificate that nobody has signed.
    """

    def __init__(
        self, folder: Path, *, users: dict[str, str] | None = None, is_encrypted: bool = False
    ) -> None:
        self._program = require_tool("mosquitto")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if users else 'true'}",
            "persistence true",
            f"persistence_location {folder}/",
            "user root",
        ]
        if users:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            for name, password in users.items():
                tool = require_tool("mosquitto_passwd", package="mosquitto")
                subprocess.run([tool, "-b", passwords, name, password], check=True, capture_output=True)
            lines.append(f"password_file {passwords}")
        self.certificate = folder / "broker.crt"
        if is_encrypted:
            self.certificate, key = make_certificate(folder, "broker")
            lines += [f"certfile {self.certificate}", f"keyfile {key}"]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Listener:
    """Subscribes to everything and remembers it, over restarts of the broker as well.

    Attributes:
        messages: topic, body and whether it came from the broker's memory.
    """

    def __init__(self, port: int, *, user: str | None = None, password: str | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._subscribed: list[object] = []
        self._client.on_subscribe = lambda *_: self._subscribed.append(1)
        self._client.on_message = self._take
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(lambda: self._subscribed)

    def bodies(self, ending: str) -> list[Any]:
        """Contents of the messages whose topic ends so."""
        return [json.loads(body) for topic, body, _ in list(self.messages) if topic.endswith(ending)]

    def last(self, topic: str) -> bytes | None:
        return next((body for t, body, _ in reversed(list(self.messages)) if t == topic), None)

    def _take(self, client: Client, data: object, message: MQTTMessage) -> None:
        del client, data
        self.messages.append((message.topic, bytes(message.payload), message.retain))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
