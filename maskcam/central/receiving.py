"""Takes at the central place what sites forward over MQTT."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from maskcam.central.messages import Answer, Delivery, all_rows, answers_topic, site_of
from maskcam.central.names import site_name
from maskcam.central.wire import Wire
from maskcam.errors import DeliveryError, StoreError
from maskcam.outbox.courier import BackOff
from maskcam.sinks.base import Sink
from maskcam.sinks.mqtt import Broker
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, Image
from maskcam.workers import Repeater

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.5


class SiteReceiver(Sink):
    """Writes what comes into the event store, and answers once it is committed; has nothing to do with frames.

    Args:
        store: closed with the sink.
        broker: where the sites publish.
        prefix: of all topics.
        certificates: see `Wire`.
        tell: told when the broker goes away and when it is back, and of what is not taken, one sentence each.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
    """

    def __init__(
        self,
        store: EventStore,
        broker: Broker,
        *,
        prefix: str = "maskcam",
        certificates: Path | None = None,
        tell: Callable[[str], None] = _log.warning,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._tell = tell
        self._name = f"the MQTT broker {broker}"
        self._wire = Wire(broker, topic=all_rows(prefix), hear=self._hear, certificates=certificates)
        self._back_off = BackOff(longest_seconds=15.0)
        self._is_away = self._is_closing = False
        self._refusal: str | None = None
        self._repeater = Repeater(self._turn, name="takes what sites forward", end=self._end)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Sites are told of elsewhere."""

    def close(self) -> None:
        """Listens no longer; what was not answered stays at the sites."""
        self._is_closing = True
        self._repeater.close(seconds=3.0)

    # All below runs in the repeater's thread.

    def _turn(self) -> float:
        if self._is_closing:
            return _TURN_SECONDS
        try:
            self._wire.open()
            if self._is_away:
                self._tell(f"{self._name} is back")
            self._is_away = False
            self._back_off.reset()
            self._wire.pump(lambda: self._is_closing, seconds=_TURN_SECONDS)
        except DeliveryError as error:
            if not self._is_away:
                self._tell(f"{self._name} is away ({error}): sites keep what they have until it is back")
            self._is_away = True
            return self._back_off.failed()
        return 0.0

    def _hear(self, topic: str, body: bytes) -> None:
        try:
            site = site_name(site_of(topic))
            delivery = Delivery.model_validate_json(body)
        except ValidationError as error:
            return self._refuse(f"a delivery under {topic} is none ({error.errors()[0]['msg'].lower()})")
        except ValueError as error:
            return self._refuse(f"a delivery under {topic} is none ({error})")
        refusal = None
        try:
            self._store.record_site(site, delivery.report, delivery.rows)
        except (StoreError, ValueError) as error:
            refusal = f"what {site} forwards cannot be written: {error}"
        if refusal is not None:
            self._refuse(refusal)
        else:
            self._refusal = None
        answer = Answer(id=delivery.id, error=refusal).model_dump_json()
        self._wire.publish(answers_topic(self._prefix, site), answer.encode())
        return None

    def _refuse(self, refusal: str) -> None:
        if refusal != self._refusal:
            self._tell(refusal)
        self._refusal = refusal

    def _end(self) -> None:
        self._wire.close()
        self._store.close()
