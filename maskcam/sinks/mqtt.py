"""Tells an MQTT broker: every change of a violation, and how things stand at each camera."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from maskcam.errors import ConfigError, DeliveryError, MissingLibraryError
from maskcam.outbox.base import Message, Receiver
from maskcam.sinks.alert_messages import iso_time, to_json, violation_key
from maskcam.sinks.alerts import AlertOptions, AlertSink
from maskcam.sinks.camera_state import StateBoard
from maskcam.sinks.files import reason
from maskcam.sinks.mqtt_topics import Topics
from maskcam.sinks.violation_records import storable
from maskcam.types import FrameResult, Image, Violation

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_CONNECT_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 30
_STATE_SECONDS = 1.0
"""States change with every frame; no broker needs them more often."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is.

    Attributes:
        host: name or address.
        port: 1883 unless said otherwise, 8883 with TLS.
        is_encrypted: TLS, with the certificate checked.
        user: None: nobody.
        password: None: none.
    """

    host: str
    port: int
    is_encrypted: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Broker:
        """Reads `mqtt://user:password@host:1883` or `mqtts://...`; user and password percent-encoded.

        Raises:
            ConfigError: it is something else; the message shows no password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path.strip("/") or parts.query:
            raise ConfigError(
                "the address of an MQTT broker is mqtt://HOST:PORT, or mqtts:// with TLS, with USER:PASSWORD@ before"
                " the host where it wants them (special characters percent-encoded): this one is not"
            )
        is_encrypted = parts.scheme == "mqtts"
        return cls(
            host,
            port or (8883 if is_encrypted else 1883),
            is_encrypted,
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )

    def check_certificates(self, file: Path | None, *, setting: str) -> None:
        """Makes sure that those to trust are there, and asked for.

        Args:
            file: of them; None: those of the system.
            setting: that names the file, for the message.

        Raises:
            ConfigError: there is no such file, or nothing would be encrypted.
        """
        if file is None:
            return
        if not file.is_file():
            raise ConfigError(f"{setting}: there is no file {file}")
        if not self.is_encrypted:
            raise ConfigError(
                f"{setting} is set, but nothing would be encrypted: write mqtts:// in the address"
            )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_encrypted else 'mqtt'}://{host}:{self.port}"


def check_installed() -> None:
    """Says at once, rather than when the first message is due, that nothing can be said to a broker.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
    """
    try:
        import paho.mqtt.client  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"MQTT needs a Python package that is not installed ({error}): run `pip install 'maskcam[alerts]'`"
        ) from error


def new_client() -> Client:
    """A client under a name of its own, for whoever sets its callbacks and then has it connected by `dial`."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"maskcam-{secrets.token_hex(6)}")
    client.connect_timeout = _CONNECT_SECONDS
    return client


def dial(client: Client, broker: Broker, *, certificates: Path | None) -> None:
    """Connects a client; whether the broker accepts it comes to its `on_connect`.

    Args:
        client: of `new_client`.
        broker: where.
        certificates: file of certificates that are trusted; None: those of the system.

    Raises:
        DeliveryError: the broker cannot be reached.
    """
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    try:
        if broker.is_encrypted:
            client.tls_set(None if certificates is None else str(certificates))
        client.connect(broker.host, broker.port, keepalive=_KEEP_ALIVE_SECONDS)
    except (OSError, ValueError) as error:
        raise DeliveryError(reason(error)) from error


class MqttReceiver(Receiver):
    """Publishes at a broker with QoS 1: each message counts as taken when the broker has said so.

    It keeps the connection itself, in the thread that calls it, so that nothing is under way that nobody knows of.

    Args:
        broker: where.
        topics: of what is published.
        states: what is to be said of each camera at present.
        certificates: file of certificates that are trusted; None: those of the system.
        answer_seconds: how long the broker may take to answer.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        topics: Topics,
        states: Callable[[], Mapping[str, dict[str, Any]]] = dict,
        certificates: Path | None = None,
        answer_seconds: float = 10.0,
    ) -> None:
        super().__init__(f"the MQTT broker {broker}")
        check_installed()
        self._broker = broker
        self._topics = topics
        self._states = states
        self._certificates = certificates
        self._answer_seconds = answer_seconds
        self._client: Client | None = None
        self._answer: ReasonCode | None = None
        self._is_lost = False
        self._is_slandered = False
        self._said: dict[str, dict[str, Any]] = {}
        self._said_seconds = 0.0

    def attend(self) -> bool:
        """Connects where there is no connection, answers the broker, and publishes states that have changed."""
        if self._client is None:
            self._connect()
        self._pump(lambda: True)
        if self._is_slandered:
            self._is_slandered = False
            self._publish([(self._topics.status, b"online", True)])
        now = time.monotonic()
        if now - self._said_seconds >= _STATE_SECONDS:
            self._said_seconds = now
            self._publish_states()
        return True

    def deliver(self, message: Message) -> None:
        """Publishes it below its camera's name."""
        if self._client is None:
            self._connect()
        self._publish([(self._topics.violation(message.camera), message.body, False)])

    def close(self) -> None:
        """Says goodbye; the broker tells the others that we are offline."""
        if self._client is None:
            return
        try:
            self._publish_states(seconds=1.0)  # the last ones stay at the broker
            self._publish([(self._topics.status, b"offline", True)], seconds=1.0)
            self._client.disconnect()
        except DeliveryError:
            pass  # the last will says the same
        finally:
            self._drop()

    def _connect(self) -> None:
        # a new one each time: nothing is left over from the last
        client = new_client()
        client.will_set(self._topics.status, b"offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._answer, self._is_lost, self._is_slandered, self._said = None, False, False, {}
        dial(client, self._broker, certificates=self._certificates)
        self._client = client
        self._pump(lambda: self._answer is not None)
        if self._is_refused():
            self._fail(str(self._answer).lower())
        client.subscribe(self._topics.status, qos=1)
        self._publish([(self._topics.status, b"online", True)])
        self._publish_states()

    def _publish_states(self, *, seconds: float | None = None) -> None:
        """Those that are not as last said, each after what Home Assistant must know of its camera."""
        messages: list[tuple[str, bytes, bool]] = []
        said = dict(self._said)
        for camera, state in self._states().items():
            if said.get(camera) == state:
                continue
            if camera not in said:
                discovery = self._topics.home_assistant(camera)
                messages += [(topic, to_json(content), True) for topic, content in discovery.items()]
            said[camera] = state
            stamped = state | {"updated_at": iso_time(time.time())}
            messages.append((self._topics.state(camera), to_json(stamped), True))
        if messages:
            self._publish(messages, seconds=seconds)
            self._said = said

    def _publish(self, messages: Sequence[tuple[str, bytes, bool]], *, seconds: float | None = None) -> None:
        """Publishes topics, bodies and whether they are retained, and waits until the broker has all of them."""
        assert self._client is not None
        sent = [self._client.publish(topic, body, qos=1, retain=keep) for topic, body, keep in messages]
        self._pump(lambda: all(_is_taken(info) for info in sent), seconds=seconds)

    def _pump(self, is_done: Callable[[], bool], *, seconds: float | None = None) -> None:
        """Lets the connection work until something is done, once at least."""
        assert self._client is not None
        seconds = self._answer_seconds if seconds is None else seconds
        deadline = time.monotonic() + seconds
        wait_seconds = 0.0
        while True:
            result = self._client.loop(wait_seconds)
            if self._is_refused():
                return  # it hangs up after a refusal, which says more than that
            if result != 0 or self._is_lost:
                self._fail("it hung up")
            if is_done():
                return
            if time.monotonic() > deadline:
                self._fail(f"no answer for {seconds:g} s")
            wait_seconds = 0.2

    def _is_refused(self) -> bool:
        return self._answer is not None and self._answer.is_failure

    def _fail(self, why: str) -> None:
        self._drop()
        raise DeliveryError(why)

    def _drop(self) -> None:
        """Closes the connection without a word; the broker then announces the last will."""
        client, self._client = self._client, None
        if client is not None and (sock := client.socket()) is not None:
            sock.close()

    def _on_connect(
        self, client: Client, data: object, flags: ConnectFlags, answer: ReasonCode, more: Properties | None
    ) -> None:
        del client, data, flags, more
        self._answer = answer

    def _on_disconnect(
        self,
        client: Client,
        data: object,
        flags: DisconnectFlags,
        answer: ReasonCode,
        more: Properties | None,
    ) -> None:
        del client, data, flags, answer, more
        self._is_lost = True

    def _on_message(self, client: Client, data: object, message: MQTTMessage) -> None:
        """Notes that somebody says we are offline: the will of a connection that broke long ago, or another process."""
        del client, data
        if message.topic == self._topics.status and message.payload == b"offline":
            self._is_slandered = True


class MqttSink(AlertSink):
    """Tells an MQTT broker of violations and keeps a retained state per camera there.

    Args:
        broker: where.
        cameras: names of all, so that their states are there from the start.
        topics: of what is published.
        options: see `AlertOptions`; no pictures are sent.
        certificates: see `MqttReceiver`.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
        OutputError: the outbox cannot be used at all.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        cameras: Sequence[str],
        topics: Topics,
        options: AlertOptions,
        certificates: Path | None = None,
    ) -> None:
        self._board = StateBoard([storable(camera) for camera in cameras])
        self._run_id = options.run_id
        receiver = MqttReceiver(broker, topics=topics, states=self._board.states, certificates=certificates)
        super().__init__(receiver, identity="mqtt", options=options)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Queues a message per violation that this frame changed, and takes note of the state."""
        super().write(result, picture)
        self._board.see(result, [(violation, self._entry(violation)) for violation in result.violations])

    def finish(self, violations: Sequence[Violation]) -> None:
        """Queues the messages of what ended with its source, whose camera sees nobody any more."""
        super().finish(violations)
        self._board.end(violations)

    def _entry(self, violation: Violation) -> dict[str, Any]:
        return {
            "key": violation_key(self._run_id, violation),
            "status": violation.status.value,
            "started_at": iso_time(self.started_wall_seconds(violation)),
        }


def _is_taken(info: MQTTMessageInfo) -> bool:
    try:
        return info.is_published()
    except (ValueError, RuntimeError) as error:  # paho's words for a full queue and a lost connection
        raise DeliveryError("the message could not be sent") from error
