"""Through an MQTT broker to the maskcam at the central place, which answers once it has committed what came.

The broker is no more than a wire: what it loses has not been answered, and comes again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from maskcam.central.base import Link
from maskcam.central.messages import Answer, Delivery, answers_topic, rows_topic
from maskcam.central.wire import Wire
from maskcam.errors import DeliveryError
from maskcam.sinks.mqtt import Broker
from maskcam.store.forwarding import Forwarded
from maskcam.store.sites import Report


class MqttLink(Link):
    """Publishes rows and waits for the central place's own answer.

    Args:
        broker: where.
        site: name of this one.
        prefix: of all topics.
        certificates: see `Wire`.
        answer_seconds: how long the central place may take.

    Raises:
        MissingLibraryError: paho-mqtt is not installed.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        site: str,
        prefix: str = "maskcam",
        certificates: Path | None = None,
        answer_seconds: float = 10.0,
    ) -> None:
        super().__init__(f"the central maskcam behind {broker}")
        self._topic = rows_topic(prefix, site)
        self._answer_seconds = answer_seconds
        self._answer: Answer | None = None
        self._wire = Wire(
            broker, topic=answers_topic(prefix, site), hear=self._hear, certificates=certificates
        )

    def deliver(self, report: Report, rows: Sequence[Forwarded]) -> None:
        """Publishes them, and waits until they are committed."""
        self._wire.open()
        delivery_id = secrets.token_hex(8)
        body = Delivery.of(delivery_id, report, rows).model_dump_json()
        self._wire.publish(self._topic, body.encode())

        def is_answered() -> bool:
            return self._answer is not None and self._answer.id == delivery_id

        if not self._wire.pump(is_answered, seconds=self._answer_seconds):
            raise DeliveryError(
                f"the broker is there, but nobody behind it answers for {self._answer_seconds:g} s: start a maskcam"
                " with [central] receive there, and check who may publish what"
            )
        assert self._answer is not None
        if self._answer.error is not None:
            raise DeliveryError(self._answer.error)

    def close(self) -> None:
        self._wire.close()

    def _hear(self, _topic: str, body: bytes) -> None:
        try:
            self._answer = Answer.model_validate_json(body)
        except ValidationError:
            return  # of nobody we know
