"""The seam behind which brokers and web servers stand: whoever messages go to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from maskcam.closing import Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to tell a receiver.

    Attributes:
        key: of the violation; messages with the same key belong together.
        camera: name of the camera.
        phase: `started`, `updated` or `ended` of a violation, or `summary` of several.
        identity: the same for every attempt to deliver it, different for every message.
        body: what the receiver gets.
        created_seconds: by `time.time()`.
        is_held: not to be sent by itself but to go into a summary.
        number: its place in the outbox, 0 before it has one.
    """

    key: str
    camera: str
    phase: str
    identity: str
    body: bytes
    created_seconds: float
    is_held: bool = False
    number: int = 0


class Receiver(Closing, ABC):
    """Takes messages, one at a time; used by one thread.

    Args:
        name: for people, without secrets.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def deliver(self, message: Message) -> None:
        """Hands a message over; returns once the receiver has taken it.

        Raises:
            DeliveryError: it has not.
        """

    def attend(self) -> bool:
        """Keeps up what has to be kept up between messages; called about once a second.

        Returns:
            Whether the receiver is known to be there.

        Raises:
            DeliveryError: it is not.
        """
        return False
