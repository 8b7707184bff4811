"""Settings of the receivers that are told of violations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import Field, field_validator

from maskcam.config_sections import Section
from maskcam.errors import InputError
from maskcam.outbox.box import OutboxLimits
from maskcam.schedule import Schedule
from maskcam.sinks.alert_pictures import PictureKind
from maskcam.sinks.alerts import AlertOptions
from maskcam.sinks.base import Sink
from maskcam.sources.urls import fill_in


class OutboxConfig(Section):
    """Where messages wait until their receivers have taken them."""

    path: Path | None = Field(
        None,
        description="file, shared by all receivers; None: outbox.sqlite in the user's folder for such things",
    )
    megabytes: float = Field(
        OutboxLimits.megabytes, gt=0, description="per receiver; beyond, the oldest updates are dropped first"
    )
    hours: float = Field(OutboxLimits.hours, gt=0, description="older messages are dropped")


class _ReceiverConfig(Section):
    """What all receivers have in common."""

    messages_per_minute: float = Field(
        AlertOptions.messages_per_minute,
        gt=0,
        description="per camera, starts of violations first; what is more goes into one summary a minute",
    )
    quiet_hours: tuple[str, ...] = Field(
        (),
        description='in which nothing is sent but one summary afterwards: "22:00-06:00", "Sat,Sun 00:00-24:00"',
    )

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        Schedule.parse(texts)
        return texts

    def _options(
        self,
        outbox: OutboxConfig,
        *,
        run_id: str,
        tell: Callable[[str], None],
        picture: PictureKind = "none",
    ) -> AlertOptions:
        return AlertOptions(
            outbox=outbox.path or _default_outbox(),
            run_id=run_id,
            limits=OutboxLimits(megabytes=outbox.megabytes, hours=outbox.hours),
            messages_per_minute=self.messages_per_minute,
            quiet_hours=Schedule.parse(self.quiet_hours) if self.quiet_hours else None,
            picture=picture,
            tell=tell,
        )


class MqttConfig(_ReceiverConfig):
    """An MQTT broker."""

    url: str = Field(
        min_length=1,
        repr=False,
        description="mqtt://user:password@host:1883, or mqtts:// with TLS; ${NAME} stands for an environment variable",
    )
    prefix: str = Field("maskcam", description="of all topics; two that run at once need different ones")
    home_assistant: str | None = Field(
        "homeassistant",
        description="prefix under which Home Assistant looks for devices; empty: it is not told",
    )
    certificates: Path | None = Field(
        None, description="file of the certificates to trust with mqtts; None: those of the system"
    )

    @field_validator("prefix", "home_assistant")
    @classmethod
    def _topic(cls, prefix: str | None) -> str | None:
        return check_prefix(prefix) if prefix else None

    def build(
        self,
        cameras: Sequence[str],
        *,
        outbox: OutboxConfig,
        run_id: str,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Sink:
        """Makes the sink.

        Args:
            cameras: names of all.
            outbox: where messages wait.
            run_id: of this run.
            environ: for `${NAME}`.
            tell: see `maskcam.sinks.alerts.AlertOptions`.

        Raises:
            InputError: the address is none, or an environment variable or a file is missing.
            MissingLibraryError: paho-mqtt is not installed.
            OutputError: the outbox cannot be used.
        """
        from maskcam.sinks.mqtt import Broker, MqttSink
        from maskcam.sinks.mqtt_topics import Topics

        broker = Broker.parse(filled(self.url, environ, setting="mqtt.url"))
        broker.check_certificates(self.certificates, setting="mqtt.certificates")
        return MqttSink(
            broker,
            cameras=cameras,
            topics=Topics(self.prefix, self.home_assistant),
            options=self._options(outbox, run_id=run_id, tell=tell),
            certificates=self.certificates,
        )


class WebhookConfig(_ReceiverConfig):
    """A web server."""

    url: str = Field(
        min_length=1,
        repr=False,
        description="where messages are posted; ${NAME} stands for an environment variable",
    )
    name: str | None = Field(
        None, min_length=1, description="for people, and for the messages that wait; None: the host"
    )
    secret: str | None = Field(
        None,
        min_length=1,
        repr=False,
        description="signs each message; ${NAME} stands for an environment variable",
    )
    picture: PictureKind = Field(
        "none", description="sent along as base64: none, face, or frame with the overlay"
    )
    timeout_seconds: float = Field(10.0, gt=0, le=300, description="how long the server may be silent")

    def build(
        self,
        *,
        outbox: OutboxConfig,
        run_id: str,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Sink:
        """Makes the sink.

        Args:
            outbox: where messages wait.
            run_id: of this run.
            environ: for `${NAME}`.
            tell: see `maskcam.sinks.alerts.AlertOptions`.

        Raises:
            InputError: the address is none, or an environment variable is missing.
            MissingLibraryError: httpx2 is not installed.
            OutputError: the outbox cannot be used.
        """
        from maskcam.sinks.webhook import WebhookReceiver, WebhookSink, web_host

        url = filled(self.url, environ, setting="webhook.url")
        secret = None if self.secret is None else filled(self.secret, environ, setting="webhook.secret")
        receiver = WebhookReceiver(url, name=self.name, secret=secret, timeout_seconds=self.timeout_seconds)
        options = self._options(outbox, run_id=run_id, tell=tell, picture=self.picture)
        return WebhookSink(receiver, name=self.name or web_host(url), options=options)


def check_distinct(webhooks: Sequence[WebhookConfig]) -> None:
    """Makes sure that no two webhooks share their place in the outbox.

    Raises:
        ValueError: they do.
    """
    names = [webhook.name for webhook in webhooks]
    if len(webhooks) > 1 and (None in names or len(set(names)) < len(names)):
        raise ValueError("several webhooks need a name each, all different")


def check_prefix(prefix: str) -> str:
    """A prefix of MQTT topics, as it is.

    Raises:
        ValueError: brokers would not take it.
    """
    levels = prefix.split("/")
    if re.search(r"[+#\0]", prefix) or not all(levels) or prefix.startswith("$") or len(prefix) > 200:
        raise ValueError(
            "a prefix of topics is words with a slash between them, at most 200 characters,"
            " without +, # and a leading $"
        )
    return prefix


def _default_outbox() -> Path:
    from platformdirs import user_state_path

    return user_state_path("maskcam", appauthor=False) / "outbox.sqlite"


def filled(text: str, environ: Mapping[str, str], *, setting: str) -> str:
    """As `fill_in`, but what is said of a missing variable shows nothing of the text, all of which may be secret."""
    try:
        return fill_in(text, environ)
    except InputError:
        missing = next(name for name in re.findall(r"\$\{(\w+)\}", text) if name not in environ)
        raise InputError(f"{setting} needs the environment variable {missing}, which is not set.") from None
