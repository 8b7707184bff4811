"""A connection to an MQTT broker that listens to one topic and publishes to others, worked by whoever uses it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maskcam.closing import Closing
from maskcam.errors import DeliveryError
from maskcam.sinks.mqtt import Broker, check_installed, dial, new_client

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode


class Wire(Closing):
    """Connects, and says what comes; keeps nothing over a broken connection, which is why both ends answer each other.

    Args:
        broker: where.
        topic: to listen to.
        hear: told topic and body of what comes, while `pump` runs; must raise nothing.
        certificates: file of certificates that are trusted; None: those of the system.
        answer_seconds: how long the broker may take to answer.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        topic: str,
        hear: Callable[[str, bytes], None],
        certificates: Path | None = None,
        answer_seconds: float = 10.0,
    ) -> None:
        check_installed()
        self._broker = broker
        self._topic = topic
        self._hear = hear
        self._certificates = certificates
        self._answer_seconds = answer_seconds
        self._client: Client | None = None
        self._verdict: ReasonCode | None = None
        self._is_subscribed = False
        self._is_lost = False

    def open(self) -> None:
        """Connects and subscribes, where it has not yet.

        Raises:
            DeliveryError: the broker is away, or refuses.
        """
        if self._client is not None:
            return
        client = self._connect()
        if not self.pump(lambda: self._verdict is not None, seconds=self._answer_seconds):
            self._fail(f"no answer for {self._answer_seconds:g} s")
        if self._verdict is not None and self._verdict.is_failure:
            self._fail(str(self._verdict).lower())
        client.subscribe(self._topic, qos=1)
        if not self.pump(lambda: self._is_subscribed, seconds=self._answer_seconds):
            self._fail(f"no answer for {self._answer_seconds:g} s")

    def publish(self, topic: str, body: bytes) -> None:
        """Hands a message to the connection; it goes out while `pump` runs."""
        if self._client is not None:
            self._client.publish(topic, body, qos=1)

    def pump(self, is_done: Callable[[], bool], *, seconds: float) -> bool:
        """Lets the connection work until something is done, or for so long.

        Returns:
            Whether it is done.

        Raises:
            DeliveryError: the connection is lost.
        """
        deadline_seconds = time.monotonic() + seconds
        while not is_done():
            rest_seconds = deadline_seconds - time.monotonic()
            if rest_seconds <= 0:
                return False
            assert self._client is not None
            result = self._client.loop(min(rest_seconds, 0.2))
            if self._verdict is not None and self._verdict.is_failure:
                return True  # it hangs up after a refusal, which says more than that
            if result != 0 or self._is_lost:
                self._fail("it hung up")
        return True

    def close(self) -> None:
        """Lets go of the broker."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            if (sock := client.socket()) is not None:
                sock.close()

    def _connect(self) -> Client:
        client = new_client()
        client.on_connect = self._note_verdict
        client.on_subscribe = self._note_subscription
        client.on_disconnect = self._note_loss
        client.on_message = self._take
        self._verdict, self._is_subscribed, self._is_lost = None, False, False
        dial(client, self._broker, certificates=self._certificates)
        self._client = client
        return client

    def _fail(self, why: str) -> None:
        self.close()
        raise DeliveryError(why)

    def _note_verdict(
        self, _client: Client, _data: object, _flags: object, verdict: ReasonCode, _more: object
    ) -> None:
        self._verdict = verdict

    def _note_subscription(
        self, _client: Client, _data: object, _id: int, _codes: object, _more: object
    ) -> None:
        self._is_subscribed = True

    def _note_loss(
        self, _client: Client, _data: object, _flags: object, _code: object, _more: object
    ) -> None:
        self._is_lost = True

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._hear(message.topic, bytes(message.payload))
