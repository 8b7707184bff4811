"""Carries the messages of an outbox to their receiver: in order, at least once, however long that takes."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from maskcam.errors import DeliveryError, OutputError
from maskcam.outbox.base import Message, Receiver
from maskcam.outbox.box import Outbox

_IDLE_SECONDS = 1.0
_MESSAGES_A_TURN = 20
_CLAIM_SECONDS = 5.0
_SUMMARY_SECONDS = 60.0

Summarize = Callable[[Sequence[Message]], Message]
"""Makes one message of several of the same camera."""


class BackOff:
    """How long to wait between attempts: twice as long each time, and never quite as long as others do.

    The jitter keeps many senders from coming back all at once when a receiver does.

    Args:
        first_seconds: at most so long after the first failure, and at least half of it.
        longest_seconds: bound of the doubling.
        chance: as `random.random`.
    """

    def __init__(
        self,
        *,
        first_seconds: float = 1.0,
        longest_seconds: float = 60.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._chance = chance
        self._seconds = first_seconds

    def failed(self) -> float:
        """Notes a failure; how many seconds to wait now."""
        seconds = self._seconds * (0.5 + 0.5 * self._chance())
        self._seconds = min(2 * self._seconds, self._longest_seconds)
        return seconds

    def reset(self) -> None:
        """Begins anew, after a success."""
        self._seconds = self._first_seconds


class Courier:
    """Delivers what waits, turn by turn. No thread in it: somebody calls `turn` as often as it asks for.

    Args:
        outbox: of the receiver; closed by `end`.
        receiver: likewise.
        overflow: messages that could not be stored, because of a full disk for example. Others append at its end;
            the courier takes from its start, into the outbox as soon as that is possible.
        summarize: makes one message of those that were held.
        is_quiet: whether nothing is to be sent now.
        tell: told when the receiver goes away, when it is back, and of what it refuses, one sentence each.
        clock: as `time.monotonic`.
        wall_clock: as `time.time`.
        back_off: between attempts.
    """

    def __init__(
        self,
        outbox: Outbox,
        receiver: Receiver,
        *,
        overflow: deque[Message],
        summarize: Summarize,
        is_quiet: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        back_off: BackOff | None = None,
    ) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._overflow = overflow
        self._summarize = summarize
        self._is_quiet = is_quiet
        self._tell = tell
        self._clock = clock
        self._wall_clock = wall_clock
        self._back_off = back_off or BackOff()
        self._retry_at = self._sum_up_at = clock()
        self._delivered: set[int] = set()  # and still in the outbox, which could not be written to
        self._is_away = False
        self._refusal: str | None = None
        self._storage_fault: str | None = None
        self._dropped_before = 0
        self._is_rival_known = False

    def turn(self) -> float:
        """Delivers what it can.

        Returns:
            Seconds until the next turn makes sense; 0 when there is more to do at once.
        """
        self._rescue()
        wait_seconds = self._retry_at - self._clock()
        if wait_seconds > 0:
            return min(wait_seconds, _IDLE_SECONDS) if self._overflow else wait_seconds
        try:
            is_there = self._receiver.attend()
            wait_seconds, is_delivered = self._work()
            if is_there or is_delivered:
                self._back_off.reset()
                self._back()
        except DeliveryError as error:
            wait_seconds = max(self._back_off.failed(), error.retry_seconds)
            self._retry_at = self._clock() + wait_seconds
            self._away(error)
        return wait_seconds

    def end(self) -> None:
        """Closes the receiver and the outbox."""
        try:
            self._receiver.close()
        finally:
            self._outbox.close()

    def _work(self) -> tuple[float, bool]:
        """Seconds until there is more to do, and whether the receiver took something."""
        try:
            if not self._outbox.claim():
                self._yield_to_rival()
                return _CLAIM_SECONDS, False
            self._tidy()
        except OutputError as error:
            self._complain(error)
        if self._is_quiet():
            return _IDLE_SECONDS, False
        is_delivered = False
        for _ in range(_MESSAGES_A_TURN):
            message = self._next()
            if message is None:
                return _IDLE_SECONDS, is_delivered
            self._deliver(message)
            is_delivered = True
        return 0.0, is_delivered

    def _yield_to_rival(self) -> None:
        if not self._is_rival_known:
            self._is_rival_known = True
            self._tell(
                f"{self._receiver.name}: another maskcam delivers from the same outbox, and goes on doing so"
            )

    def _rescue(self) -> None:
        """Stores what could not be stored before, as far as that works now."""
        with suppress(OutputError):  # whoever put it here has said so
            while self._overflow:
                self._outbox.append([self._overflow[0]])
                self._overflow.popleft()

    def _tidy(self) -> None:
        """Forgets what could not be forgotten before, and sums up what was held."""
        if self._delivered:
            self._outbox.remove(self._delivered)
            self._delivered.clear()
        if not self._is_quiet() and self._clock() >= self._sum_up_at:
            self._sum_up_at = self._clock() + _IDLE_SECONDS
            for camera, since in self._outbox.held_since().items():
                # the other way round, too: a clock that was set back must not hold them for ever
                if abs(self._wall_clock() - since) >= _SUMMARY_SECONDS:
                    messages = self._outbox.held(camera)
                    self._outbox.sum_up(messages, self._summarize(messages))
        self._storage_fault = None

    def _next(self) -> Message | None:
        try:
            message = self._outbox.first(leave_out=self._delivered)
        except OutputError as error:
            self._complain(error)
            message = None
        return self._overflow[0] if message is None and self._overflow else message

    def _deliver(self, message: Message) -> None:
        try:
            self._receiver.deliver(message)
            self._refusal = None
        except DeliveryError as error:
            if not error.is_final:
                raise
            if self._refusal != str(error):
                self._tell(
                    f"{self._receiver.name} refuses a message ({error}): it is dropped, as others like it will be"
                )
            self._refusal = str(error)
        if message.number == 0:
            self._overflow.popleft()
            return
        try:
            self._outbox.remove([message.number])
        except OutputError as error:
            self._delivered.add(message.number)
            self._complain(error)

    def _complain(self, error: OutputError) -> None:
        if self._storage_fault is None:
            self._tell(f"{self._receiver.name}: {error}")
        self._storage_fault = str(error)

    def _away(self, error: DeliveryError) -> None:
        if not self._is_away:
            self._is_away = True
            self._dropped_before = self._dropped()
            self._tell(f"{self._receiver.name} is away ({error}): messages wait until it is back")

    def _back(self) -> None:
        if self._is_away:
            self._is_away = False
            dropped = self._dropped() - self._dropped_before
            lost = f"; {dropped} messages were dropped meanwhile to make room" if dropped else ""
            self._tell(f"{self._receiver.name} is back{lost}")

    def _dropped(self) -> int:
        try:
            return self._outbox.dropped()
        except OutputError:
            return self._dropped_before
