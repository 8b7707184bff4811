"""The seam behind which the ways to the central place stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from maskcam.closing import Closing
from maskcam.store.forwarding import Forwarded
from maskcam.store.sites import Report


class Link(Closing, ABC):
    """The way to the central place; used by one thread.

    Args:
        name: of the central place, for people, without secrets.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def deliver(self, report: Report, rows: Sequence[Forwarded]) -> None:
        """Hands rows over; returns once they are committed there. Handing the same ones over again does no harm.

        Raises:
            DeliveryError: they may not be there.
        """
