"""What all sinks that tell others have in common: nothing is lost, and the video never waits."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from maskcam.errors import OutputError
from maskcam.outbox.base import Message, Receiver
from maskcam.outbox.box import Outbox, OutboxLimits
from maskcam.outbox.courier import BackOff, Courier
from maskcam.outbox.limits import RateLimit
from maskcam.schedule import Schedule
from maskcam.sinks.alert_messages import summarize, violation_content, violation_message
from maskcam.sinks.alert_pictures import PictureKind, cut_picture, encode_picture
from maskcam.sinks.base import Backlog, Sink
from maskcam.sinks.walltime import wall_seconds
from maskcam.types import Frame, FrameResult, Image, Violation
from maskcam.workers import Repeater, Worker

_log = logging.getLogger(__name__)

_MOST_PICTURES = 8
"""Pictures that wait to be encoded; they are large, so while more wait, messages go without."""
_MOST_IN_MEMORY = 5_000
"""Messages kept while the disk takes none; updates only up to half of it."""
_MOST_STARTS = 1_000
"""Violations whose start is remembered, so that all their messages name the same time."""


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config_alerts reads the defaults off the class
class AlertOptions:
    """How others are told.

    Attributes:
        outbox: file in which messages wait; several receivers may share it.
        run_id: of this run of the program.
        limits: of what waits.
        messages_per_minute: per camera; what is more goes into one summary a minute.
        quiet_hours: in which nothing is sent but one summary afterwards; None: never.
        picture: sent along with every new best view.
        retry_seconds: between the first attempts to reach a receiver that is away; later ones come ever more rarely.
        tell: told when the receiver goes away, when it is back, and of faults, one sentence each; called from
            threads of this sink.
    """

    outbox: Path
    run_id: str
    limits: OutboxLimits = field(default_factory=OutboxLimits)
    messages_per_minute: float = 20.0
    quiet_hours: Schedule | None = None
    picture: PictureKind = "none"
    retry_seconds: float = 1.0
    tell: Callable[[str], None] = _log.warning


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message to be, on its way from the video to the disk."""

    content: dict[str, Any]
    created_seconds: float
    picture: Image | None


class AlertSink(Sink):
    """Tells a receiver of every change of a violation.

    `write` only queues. One thread stores what was queued in the outbox, another delivers it, each at its own speed.

    Args:
        receiver: closed with the sink, by the thread that uses it.
        identity: of the receiver, the same in every run: names its messages in the outbox.
        options: see there.
        now: local time, for quiet hours.

    Raises:
        OutputError: the outbox cannot be used at all.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        identity: str,
        options: AlertOptions,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._options = options
        self._now = now
        self._starts = _Starts()
        self._sequences: dict[str, int] = {}
        self._name = receiver.name
        self._limit = RateLimit(options.messages_per_minute)
        self._overflow: deque[Message] = deque()
        self._fault: str | None = None
        self._lost = 0
        self._is_dropping = False
        self._is_closed = False
        # each is written by one thread only
        self._pictures_queued = 0
        self._pictures_done = 0
        open_outbox = partial(Outbox, options.outbox, identity, limits=options.limits, tell=options.tell)
        self._open_outbox = open_outbox
        self._outbox = open_outbox()
        courier = Courier(
            open_outbox(is_durable=False),
            receiver,
            overflow=self._overflow,
            summarize=summarize,
            is_quiet=self._is_quiet,
            tell=options.tell,
            back_off=BackOff(first_seconds=options.retry_seconds),
        )
        self._repeater = Repeater(courier.turn, name=f"sending to {receiver.name}", end=courier.end)
        self._worker: Worker[_Draft] = Worker(
            self._store, name=f"storing for {receiver.name}", gather_seconds=0.02
        )

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Queues a message per violation that this frame changed."""
        self._starts.see(result.frame)
        for violation in result.violations:
            image = cut_picture(self._options.picture, violation, result.frame.image, picture)
            self._queue(violation, image)

    def wants_picture(self, result: FrameResult) -> bool:
        """Only for a better view of a violation than any before, where the whole frame is to be sent."""
        return self._options.picture == "frame" and any(v.is_best_view for v in result.violations)

    def finish(self, violations: Sequence[Violation]) -> None:
        """Queues the messages of what ended with its source."""
        for violation in violations:
            self._queue(violation, None)

    def backlog(self) -> Backlog | None:
        """Counts the messages; None while the outbox does not answer."""
        try:
            # a connection of its own: the others belong to their threads
            with self._open_outbox(is_durable=False, busy_seconds=0.5) as outbox:
                waiting = outbox.count() + len(self._overflow) + self._worker.waiting
        except OutputError:
            return None
        return Backlog("outbox", self._name, waiting)

    def close(self) -> None:
        """Stores what is queued, gives the receiver a moment to take what waits, and lets go of it.

        What was not taken is sent by the next run that uses the same outbox.
        """
        self._worker.close()
        self._repeater.close(seconds=3.0)
        if not self._is_closed:
            self._is_closed = True
            self._tell_what_is_left()
        self._outbox.close()

    def started_wall_seconds(self, violation: Violation) -> float:
        """When a violation started, by `time.time()`: the same answer for all its reports."""
        return self._starts.of(violation)

    def _tell_what_is_left(self) -> None:
        with suppress(OutputError):
            if count := self._outbox.count():
                self._options.tell(
                    f"{self._name}: {count} messages wait in {self._options.outbox} for the next run"
                )
        if lost := self._lost + len(self._overflow):
            self._options.tell(
                f"{self._name}: {lost} messages could neither be stored nor delivered and are lost"
            )

    def _queue(self, violation: Violation, image: Image | None) -> None:
        sequence = self._sequences[violation.camera] = self._sequences.get(violation.camera, 0) + 1
        content = violation_content(
            violation,
            run_id=self._options.run_id,
            sequence=sequence,
            started_wall_seconds=self._starts.of(violation),
        )
        if self._pictures_queued - self._pictures_done >= _MOST_PICTURES:
            image = None
        if self._worker.submit(_Draft(content, time.time(), image)):
            self._pictures_queued += image is not None
        elif self._worker.refused == 1:
            self._options.tell(f"{self._name}: messages come faster than they can be stored: some are lost")

    def _is_quiet(self) -> bool:
        hours = self._options.quiet_hours
        return hours is not None and hours.is_on(self._now())

    def _store(self, drafts: Sequence[_Draft]) -> None:
        """Runs in the worker's thread."""
        messages = [self._complete(draft) for draft in drafts]
        try:
            if self._overflow:  # these must not overtake what waits there
                raise OutputError(self._fault or "not yet")
            dropped = self._outbox.append(messages)
            self._fault = None
            if dropped and not self._is_dropping:
                self._options.tell(
                    f"{self._name}: the outbox is full: the oldest messages are dropped, updates first"
                )
            self._is_dropping = dropped > 0
        except OutputError as error:
            if self._fault is None:
                self._options.tell(f"{self._name}: {error}; messages are kept in memory meanwhile")
            self._fault = str(error)
            self._keep(messages)
        self._repeater.wake()

    def _complete(self, draft: _Draft) -> Message:
        content = draft.content
        is_held = self._is_quiet() or not self._limit.allows(content["camera"], content["event"])
        if draft.picture is not None:
            if not is_held:
                content |= {"picture": encode_picture(draft.picture, kind=self._options.picture)}
            self._pictures_done += 1
        return violation_message(content, created_seconds=draft.created_seconds, is_held=is_held)

    def _keep(self, messages: Sequence[Message]) -> None:
        for message in messages:
            most = _MOST_IN_MEMORY / (2 if message.phase == "updated" else 1)
            if len(self._overflow) < most:
                self._overflow.append(message)
                continue
            if self._lost == 0:
                self._options.tell(f"{self._name}: too many messages are kept in memory: others are lost")
            self._lost += 1


class _Starts:
    """When violations started, by the clock on the wall."""

    def __init__(self) -> None:
        self._offsets: dict[str, float] = {}
        self._starts: dict[tuple[str, int], float] = {}

    def see(self, frame: Frame) -> None:
        """Compares the camera's clock with the one on the wall."""
        self._offsets[frame.camera] = wall_seconds(frame, 0.0)

    def of(self, violation: Violation) -> float:
        """By `time.time()`; of a camera that was never seen, now."""
        key = violation.camera, violation.violation_id
        if key not in self._starts:
            now = time.time() - (violation.ended_seconds or violation.started_seconds)
            offset = self._offsets.get(violation.camera, now)
            self._starts[key] = offset + violation.started_seconds
            if len(self._starts) > _MOST_STARTS:
                del self._starts[next(iter(self._starts))]
        return self._starts[key]
