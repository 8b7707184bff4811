"""Who may do what."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Role(enum.StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"
    """Looks at pictures, events and figures."""
    OPERATOR = "operator"
    """Judges events: marks false alarms, protects, tests cameras."""
    ADMIN = "admin"
    """Changes cameras, users and tokens, and deletes events."""

    def covers(self, needed: Role | str) -> bool:
        """Whether it may do what asks for another role."""
        order = list(Role)
        return order.index(self) >= order.index(Role(needed))


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sends a request.

    Attributes:
        name: of the user or token, for people.
        role: what may be done.
        csrf: of a browser's session: what its forms have to send along; None for programs with a token.
    """

    name: str
    role: Role
    csrf: str | None = None
