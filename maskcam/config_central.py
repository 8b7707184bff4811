"""Settings of sites that forward to one place, and of that place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from maskcam.central.names import site_name
from maskcam.config_alerts import check_prefix, filled
from maskcam.config_sections import Section, StoreConfig
from maskcam.sinks.base import Sink

if TYPE_CHECKING:
    from maskcam.sinks.mqtt import Broker


class CentralConfig(Section):
    """Where this instance forwards to, or takes from others."""

    site: str | None = Field(None, description="name of this site, at the central place; needed with url")
    url: str | None = Field(
        None,
        repr=False,
        description="where to: postgresql://user:password@host/database, shared by all sites, or mqtt:// or mqtts:// of"
        " the broker at which the central maskcam listens; ${NAME} stands for an environment variable",
    )
    receive: str | None = Field(
        None,
        repr=False,
        description="mqtt:// or mqtts:// of the broker at which sites publish, at the central place; with PostgreSQL"
        " there is nothing to set but [store] url",
    )
    prefix: str = Field("maskcam", min_length=1, description="of all topics of the broker")
    certificates: Path | None = Field(
        None, description="file of the certificates to trust with mqtts; None: those of the system"
    )

    @field_validator("site")
    @classmethod
    def _site(cls, name: str | None) -> str | None:
        return None if name is None else site_name(name)

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        return check_prefix(prefix)

    @field_validator("url")
    @classmethod
    def _way(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"(postgres(ql(\+psycopg)?)?|mqtts?)://", url):
            raise ValueError("the central place is an address with postgresql://, mqtt:// or mqtts://")
        return url

    @field_validator("receive")
    @classmethod
    def _broker(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"mqtts?://", url):
            raise ValueError("what sites forward is received from an address with mqtt:// or mqtts://")
        return url

    @model_validator(mode="after")
    def _named(self) -> CentralConfig:
        if (self.site is None) != (self.url is None):
            raise ValueError(
                "site and url belong together: what this site is called, and where it forwards to"
            )
        return self

    def build(
        self,
        cameras: Sequence[str],
        *,
        store: StoreConfig,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Iterator[Sink]:
        """Makes the sinks, each with a connection of its own to the event store.

        Args:
            cameras: names of all.
            store: where this instance keeps what it sees, or what it receives.
            environ: for `${NAME}`.
            tell: told of outages, one sentence each.

        Raises:
            MaskcamError: an address is none, an environment variable or a library is missing, or the event store
                cannot be opened.
        """
        if self.url is not None:
            yield self._forwarder(cameras, store, environ, tell)
        if self.receive is not None:
            yield self._receiver(store, environ, tell)

    def _forwarder(
        self,
        cameras: Sequence[str],
        store: StoreConfig,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Sink:
        from maskcam.central.base import Link
        from maskcam.central.database import DatabaseLink
        from maskcam.central.forwarder import Forwarder
        from maskcam.central.mqtt import MqttLink

        assert self.url is not None
        assert self.site is not None
        url = filled(self.url, environ, setting="central.url")
        opened = store.open(environ=environ)
        try:
            link: Link
            if url.startswith("mqtt"):
                link = MqttLink(
                    self._checked_broker(url),
                    site=self.site,
                    prefix=self.prefix,
                    certificates=self.certificates,
                )
            else:
                link = DatabaseLink(url, site=self.site, own_id=opened.store_id)
        except BaseException:
            opened.close()
            raise
        return Forwarder(opened, link, cameras=cameras, tell=tell)

    def _receiver(self, store: StoreConfig, environ: Mapping[str, str], tell: Callable[[str], None]) -> Sink:
        from maskcam.central.receiving import SiteReceiver

        assert self.receive is not None
        broker = self._checked_broker(filled(self.receive, environ, setting="central.receive"))
        opened = store.open(environ=environ)
        try:
            return SiteReceiver(opened, broker, prefix=self.prefix, certificates=self.certificates, tell=tell)
        except BaseException:
            opened.close()
            raise

    def _checked_broker(self, url: str) -> Broker:
        from maskcam.sinks.mqtt import Broker

        broker = Broker.parse(url)
        broker.check_certificates(self.certificates, setting="central.certificates")
        return broker
