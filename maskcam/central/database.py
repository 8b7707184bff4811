"""Straight into the central database."""

from __future__ import annotations

from collections.abc import Sequence

from maskcam.central.base import Link
from maskcam.errors import DeliveryError, StoreError
from maskcam.store.address import parse_address
from maskcam.store.engine import make_engine
from maskcam.store.forwarding import Forwarded
from maskcam.store.sites import Report
from maskcam.store.store import EventStore


class DatabaseLink(Link):
    """Writes into an event store that all sites share, made there when it is missing.

    Args:
        url: `postgresql://user:password@host/database`.
        site: name of this one.
        own_id: identity of the store that is forwarded, which must be another one.

    Raises:
        InputError: that is no address of a database.
        MissingLibraryError: its client library is not installed.
    """

    def __init__(self, url: str, *, site: str, own_id: str) -> None:
        address = parse_address(url)
        super().__init__(f"the central store {address.name}")
        make_engine(
            address
        ).dispose()  # does not connect, but better says now than later what is not installed
        self._url = url
        self._site = site
        self._own_id = own_id
        self._store: EventStore | None = None

    def deliver(self, report: Report, rows: Sequence[Forwarded]) -> None:
        """Writes them in one transaction."""
        try:
            if self._store is None:
                self._store = self._open()
            self._store.record_site(self._site, report, rows)
        except StoreError as error:
            self.close()  # so that tables of another version are noticed
            raise DeliveryError(str(error)) from error

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = None

    def _open(self) -> EventStore:
        store = EventStore.open(self._url)
        if store.store_id == self._own_id:
            store.close()
            raise DeliveryError("it is this site's own event store: name another under [central] or [store]")
        return store
