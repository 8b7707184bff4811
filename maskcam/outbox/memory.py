"""A receiver in memory: the fake that tests use in place of a real one."""

from __future__ import annotations

from collections import deque

from maskcam.errors import DeliveryError
from maskcam.outbox.base import Message, Receiver


class MemoryReceiver(Receiver):
    """Keeps what it is given.

    Attributes:
        messages: taken, in order.
        attempts: how often it was asked to take one.
        faults: raised in place of the next deliveries, one each.
        fault: raised for all deliveries while it is not None.
        closed: whether `close()` was called.
    """

    def __init__(self, name: str = "memory") -> None:
        super().__init__(name)
        self.messages: list[Message] = []
        self.attempts = 0
        self.faults: deque[DeliveryError] = deque()
        self.fault: DeliveryError | None = None
        self.closed = False

    def deliver(self, message: Message) -> None:
        """Keeps it, or fails as told."""
        self.attempts += 1
        fault = self.faults.popleft() if self.faults else self.fault
        if fault is not None:
            raise fault
        self.messages.append(message)

    def close(self) -> None:
        """Notes that it was called."""
        self.closed = True
