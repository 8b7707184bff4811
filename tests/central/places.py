"""Central places for tests, and stores with something to forward."""

from __future__ import annotations

from collections.abc import Sequence

from maskcam.central.base import Link
from maskcam.errors import DeliveryError
from maskcam.store.forwarding import Forwarded
from maskcam.store.records import MinuteCounts
from maskcam.store.sites import Report
from maskcam.store.store import EventStore


class FakeLink(Link):
    """Remembers what it is given; away while `fault` says why."""

    def __init__(self) -> None:
        super().__init__("the fake")
        self.fault: str | None = None
        self.reports: list[Report] = []
        self.rows: list[Forwarded] = []
        self.is_closed = False

    def deliver(self, report: Report, rows: Sequence[Forwarded]) -> None:
        if self.fault is not None:
            raise DeliveryError(self.fault)
        self.reports.append(report)
        self.rows += rows

    def close(self) -> None:
        self.is_closed = True


def content(store: EventStore, site: str = "") -> list[object]:
    """Everything that a site's store has, or that the central one has of a site, to be compared."""
    prefix = f"{site}/" if site else ""
    violations = sorted(
        (v.run_id, v.camera.removeprefix(prefix), v.number, v.revision, v.ended_at, v.transitions)
        for v in store.violations()
        if v.camera.startswith(prefix)
    )
    counts = sorted(
        (row.run_id, row.camera.removeprefix(prefix), row.minute, _figures(row))
        for row in store.counts()
        if row.camera.startswith(prefix)
    )
    return [*violations, *counts]


def _figures(row: MinuteCounts) -> tuple[int, ...]:
    return row.people, row.masked, row.bare, row.incorrect, row.unsure
