"""Messages, made with as few words as a test needs."""

import time
from collections.abc import Sequence

from maskcam.outbox.base import Message


def make_message(
    text: str = "hello",
    *,
    key: str = "run/door/1",
    camera: str = "door",
    phase: str = "started",
    created_seconds: float | None = None,
    is_held: bool = False,
    size: int = 0,
) -> Message:
    """A message of at least `size` bytes."""
    return Message(
        key=key,
        camera=camera,
        phase=phase,
        identity=f"{key}/{phase}/{text}",
        body=text.encode().ljust(size),
        created_seconds=time.time() if created_seconds is None else created_seconds,
        is_held=is_held,
    )


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.body.decode().strip() for message in messages]


def join(messages: Sequence[Message]) -> Message:
    """A summary that shows what went into it."""
    return make_message("+".join(texts(messages)), phase="summary", camera=messages[0].camera)
