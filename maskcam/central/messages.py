"""What sites and the central place say to each other over MQTT, and under which topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict

from maskcam.store.forwarding import Forwarded
from maskcam.store.records import MinuteCounts, ViolationRecord
from maskcam.store.sites import Report


class Delivery(BaseModel):
    """Rows of a site.

    Attributes:
        version: of this form.
        id: which the answer names.
        report: how the site is doing.
        violations: as they stand.
        counts: of minutes that are over.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    id: str
    report: Report
    violations: tuple[ViolationRecord, ...] = ()
    counts: tuple[MinuteCounts, ...] = ()

    @classmethod
    def of(cls, delivery_id: str, report: Report, rows: Sequence[Forwarded]) -> Delivery:
        """Puts rows into one."""
        return cls(
            id=delivery_id,
            report=report,
            violations=tuple(row for row in rows if isinstance(row, ViolationRecord)),
            counts=tuple(row for row in rows if isinstance(row, MinuteCounts)),
        )

    @property
    def rows(self) -> list[Forwarded]:
        """All of them; no pictures came along, whatever they say."""
        return [*(replace(violation, pictures=None) for violation in self.violations), *self.counts]


class Answer(BaseModel):
    """What became of a delivery.

    Attributes:
        id: of the delivery.
        error: None: it is committed; otherwise one sentence.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    error: str | None = None


def rows_topic(prefix: str, site: str) -> str:
    """Where a site publishes its deliveries; the topic says which site it is, so that a broker can see to that."""
    return f"{prefix}/sites/{quote(site, safe='')}/rows"


def answers_topic(prefix: str, site: str) -> str:
    """Where the central place answers them."""
    return f"{prefix}/sites/{quote(site, safe='')}/answers"


def all_rows(prefix: str) -> str:
    """The deliveries of all sites, to subscribe to."""
    return f"{prefix}/sites/+/rows"


def site_of(topic: str) -> str:
    """Whose delivery it is, by its topic."""
    return unquote(topic.split("/")[-2])
