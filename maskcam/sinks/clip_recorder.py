"""Cuts a clip of every violation out of what its camera shows, from some seconds before it on."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import av

from maskcam.closing import Closing
from maskcam.encoded import EncodedRing
from maskcam.sinks.clip_encoder import ClipEncoder
from maskcam.types import EncodedPicture, Frame, FrameResult, Violation, ViolationPhase
from maskcam.workers import Repeater

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.1
_WAITING_BYTES = 128 * 2**20
"""Of frames on their way to the thread: twenty of 1920x1080."""
_SLACK_SECONDS = 1.0
"""Newcomers are watched for a moment, and frames wait for each other, before anything is reported."""
_SILENT_SECONDS = 5.0
_RESTART_SECONDS = 1.0
"""A source whose clock steps back by more has begun anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipOptions:
    """What belongs to a clip.

    Attributes:
        pre_seconds: before the violation, at least; up to the key picture before that comes on top.
        post_seconds: after its end.
        longest_seconds: of the violation; a clip ends then, even if the violation goes on.
        delay_seconds: how long after its start a violation is reported, at the most.
        camera_bytes: of memory for each camera; where a clip needs more, it ends earlier.
    """

    pre_seconds: float = 3.0
    post_seconds: float = 3.0
    longest_seconds: float = 60.0
    delay_seconds: float = 1.0
    camera_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One violation as its camera showed it.

    Attributes:
        violation: as it was last reported.
        pictures: in the order of decoding, from a key picture on.
    """

    violation: Violation
    pictures: tuple[EncodedPicture, ...]

    @property
    def size_bytes(self) -> int:
        """Of the pictures."""
        return sum(len(picture.data) for picture in self.pictures)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What one frame brought, or the end of a source.

    Attributes:
        camera: name of it.
        frame: None where the source ended, or where there was no time for the frame.
        violations: of the frame, or those that ended.
        size_bytes: of the frame, as far as it takes memory that would be free without.
    """

    camera: str
    frame: Frame | None
    violations: tuple[Violation, ...]
    size_bytes: int = 0
    is_end: bool = False


@dataclass(slots=True)
class _Camera:
    ring: EncodedRing
    running: dict[int, Violation] = field(default_factory=dict)
    """As they were last reported, by number."""
    encoder: ClipEncoder | None = None
    latest_seconds: float = 0.0
    seen_at: float = 0.0
    """When its last frame came, by `time.monotonic()`."""


class ClipRecorder(Closing):
    """Keeps the last seconds of every camera, and longer while a violation goes on there, in a thread of its own.

    What a camera has encoded is taken as it is. The frames of any other are encoded here: those of the results, in
    which faces are hidden that must not be seen.

    Args:
        options: see there.
        deliver: takes every clip as soon as it is complete, in that thread.
        is_patient: waits for the thread rather than leaving frames out: for recordings, which are in no hurry.
    """

    def __init__(
        self, options: ClipOptions, *, deliver: Callable[[Clip], None], is_patient: bool = False
    ) -> None:
        self._options = options
        self._deliver = deliver
        self._is_patient = is_patient
        self._queue: deque[_Seen] = deque()
        self._queued_bytes = self._done_bytes = 0  # each is changed by one thread only
        self._is_late = self._is_short = self._is_broken = False
        self._cameras: dict[str, _Camera] = {}
        # nothing is woken for a frame: it is found by the next turn, and Python need not change threads for it
        self._repeater = Repeater(self._turn, name="clips", end=self._end)

    def see(self, result: FrameResult) -> None:
        """Takes the next result of a camera."""
        frame: Frame | None = result.frame
        size_bytes = _size(result.frame)
        if not self._has_room(size_bytes):
            frame, size_bytes = None, 0
        self._queued_bytes += size_bytes
        self._queue.append(_Seen(result.frame.camera, frame, result.violations, size_bytes))

    def finish(self, violations: Sequence[Violation]) -> None:
        """Takes what ended with its source: there is nothing to wait for."""
        for violation in violations:
            self._queue.append(_Seen(violation.camera, None, (violation,), is_end=True))

    def close(self) -> None:
        """Delivers what there is of every clip."""
        self._repeater.close(seconds=5.0)

    def _has_room(self, size_bytes: int) -> bool:
        if self._is_patient:
            while self._queue and self._queued_bytes - self._done_bytes + size_bytes > _WAITING_BYTES:
                self._repeater.wake()
                time.sleep(_TURN_SECONDS / 20)
            return True
        if self._queued_bytes - self._done_bytes + size_bytes <= _WAITING_BYTES:
            return True
        if not self._is_late:  # once: it may come and go many times a minute
            _log.warning(
                "pictures come faster than they can be encoded: clips of violations lack some of them"
            )
        self._is_late = True
        return False

    # All below runs in the repeater's thread.

    def _turn(self) -> float:
        while self._queue:
            seen = self._queue.popleft()
            try:
                self._take(seen)
            finally:
                self._done_bytes += seen.size_bytes
        for camera in self._cameras.values():
            if time.monotonic() - camera.seen_at > _SILENT_SECONDS:
                self._finish(camera)
        return _TURN_SECONDS

    def _end(self) -> None:
        for camera in self._cameras.values():
            for number in list(camera.running):
                self._cut(camera, number)

    def _take(self, seen: _Seen) -> None:
        camera = self._cameras.get(seen.camera)
        if camera is None:
            camera = self._cameras[seen.camera] = _Camera(self._new_ring())
        if seen.frame is not None:
            self._show(camera, seen.frame)
        elif not seen.is_end:
            camera.ring.cut()
        for violation in seen.violations:
            # one that goes on after its clip was cut, within the cool-down, has none of what comes then
            is_new = violation.phase is ViolationPhase.STARTED
            if is_new or violation.violation_id in camera.running:
                camera.running[violation.violation_id] = violation
        if seen.is_end:
            self._finish(camera)
        for number, violation in list(camera.running.items()):
            # by the frames: what was encoded runs ahead of them, and not in the order in which it is shown
            if camera.latest_seconds >= self._due(violation):
                self._cut(camera, number)
        self._trim(camera)

    def _show(self, camera: _Camera, frame: Frame) -> None:
        if frame.pts_seconds < camera.latest_seconds - _RESTART_SECONDS:
            self._finish(camera, all_of_them=True)
            camera.ring, camera.encoder = self._new_ring(), None
        camera.latest_seconds, camera.seen_at = frame.pts_seconds, time.monotonic()
        if frame.encoded is not None:
            camera.ring.add(frame.encoded)
            return
        camera.encoder = camera.encoder or ClipEncoder()
        try:
            camera.ring.add(camera.encoder.encode(frame.image, frame.pts_seconds))
        except av.FFmpegError as error:
            camera.encoder = None
            camera.ring.cut()
            if not self._is_broken:
                _log.warning("%s: its pictures cannot be encoded for clips (%s)", frame.camera, error)
            self._is_broken = True

    def _due(self, violation: Violation) -> float:
        """When its clip ends, by the clock of the source, as far as is known."""
        longest = violation.started_seconds + self._options.longest_seconds
        if violation.ended_seconds is None:
            return longest
        return min(violation.ended_seconds + self._options.post_seconds, longest)

    def _begin(self, violation: Violation) -> float:
        return violation.started_seconds - self._options.pre_seconds

    def _finish(self, camera: _Camera, *, all_of_them: bool = False) -> None:
        """Nothing more comes of those that have ended."""
        for number, violation in list(camera.running.items()):
            if all_of_them or violation.ended_seconds is not None:
                self._cut(camera, number)

    def _cut(self, camera: _Camera, number: int) -> None:
        violation = camera.running.pop(number)
        pictures = camera.ring.since(self._begin(violation))
        count = _count_until(pictures, self._due(violation))
        if count:
            self._deliver(Clip(violation, pictures[:count]))

    def _trim(self, camera: _Camera) -> None:
        self._forget(camera)
        while camera.ring.is_full and camera.running:
            first = min(camera.running.values(), key=self._begin)
            if not self._is_short:
                _log.warning(
                    "%s: a clip ends early, since it needs more memory than it may have", first.camera
                )
            self._is_short = True
            self._cut(camera, first.violation_id)
            self._forget(camera)
        camera.ring.make_room()

    def _forget(self, camera: _Camera) -> None:
        begins = [self._begin(violation) for violation in camera.running.values()]
        camera.ring.trim(keep_from=min(begins, default=math.inf))

    def _new_ring(self) -> EncodedRing:
        options = self._options
        seconds = options.pre_seconds + options.delay_seconds + _SLACK_SECONDS
        return EncodedRing(seconds=seconds, most_bytes=options.camera_bytes)


def _count_until(pictures: Sequence[EncodedPicture], due: float) -> int:
    """How many it takes for all that is shown by then, with what that builds upon, and for no hole after it."""
    count = max((i for i, picture in enumerate(pictures, 1) if picture.pts_seconds <= due), default=0)
    end = max((picture.pts_seconds for picture in pictures[:count]), default=due)
    while count < len(pictures) and pictures[count].pts_seconds < end:
        count += 1
    return count


def _size(frame: Frame) -> int:
    if frame.encoded is not None:
        return sum(len(picture.data) for picture in frame.encoded)
    width, height = frame.size_wh
    return 3 * width * height
