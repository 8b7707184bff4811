"""Runs the pipeline over live cameras until they end or somebody stops it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from maskcam.feeds import Feed, FeedHealth, FeedState
from maskcam.live import LiveReader
from maskcam.overlay import draw
from maskcam.pipeline import Pipeline
from maskcam.schedule import Schedule
from maskcam.sinks.base import Sink
from maskcam.timing import FpsCounter
from maskcam.types import Frame, FrameResult, Image, Violation, ViolationPhase

_LONGEST_NAP_SECONDS = 0.1
_NOBODY_SECONDS = 2.0
"""A camera that gives no picture for longer sees nobody: what goes on before it is over, as far as one can tell."""


@dataclass(slots=True)
class CameraStatus:
    """How one camera is doing, for the table.

    Attributes:
        name: of the camera.
        health: of its stream.
        frames: analysed so far.
        latency_seconds: from the capture of the last frame to its result.
        statuses: faces in the last frame for which masks are required, per status; none while there is no picture.
        people: tracks seen so far.
        violations: started so far.
        off_duty: no masks are required at this hour.
    """

    name: str
    health: FeedHealth = field(default_factory=FeedHealth)
    frames: int = 0
    latency_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    people: set[int] = field(default_factory=set)
    violations: int = 0
    off_duty: bool = False
    counter: FpsCounter = field(default_factory=FpsCounter)
    result_seconds: float = -math.inf
    """Of the last result, by `time.monotonic()`."""

    @property
    def fps(self) -> float:
        """Frames analysed per second, lately."""
        return self.counter.fps if self.health.state is FeedState.LIVE else 0.0


class Watch:
    """Watches cameras: newest frames in, results to the sinks of each camera.

    Args:
        feeds: with different names; their sources are closed by the watch.
        pipeline: stays open.
        sinks: per camera's name; stay open.
        realtime: recordings are played no faster than they were made, for people who look on.
        on_violation: told of every change of a violation.
        on_state: told of a camera whose state has changed.
        schedules: hours in which masks are required, by the clock on the wall, per live camera's name; always
            for all others.
        endless: goes on when all cameras have ended, and without any: others may be added.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        pipeline: Pipeline,
        *,
        sinks: Mapping[str, Sink],
        realtime: bool,
        on_violation: Callable[[Violation], None],
        on_state: Callable[[CameraStatus], None] = lambda _: None,
        schedules: Mapping[str, Schedule] = MappingProxyType({}),
        endless: bool = False,
    ) -> None:
        self._reader = LiveReader(feeds, endless=endless)
        self._pipeline = pipeline
        self._sinks = dict(sinks)
        self._realtime = realtime
        self._on_violation = on_violation
        self._on_state = on_state
        self._schedules = dict(schedules)
        self._started: dict[str, float] = {}
        self.cameras = {feed.name: CameraStatus(feed.name) for feed in feeds}

    def run(self) -> Generator[None]:
        """Watches on; hands over after every step, so that the caller may look after its window or stop.

        Raises:
            OutputError: a sink failed.
        """
        try:
            with self._reader:
                for frames in self._reader.batches():
                    self._look_after_cameras()
                    self._step(frames)
                    yield
                    self._wait_for(frames)
                self._look_after_cameras()  # those that ended during the last step
        finally:
            for name in self.cameras:
                self._end(name, self._pipeline.finish(name))

    def add(self, feed: Feed, sink: Sink, *, schedule: Schedule | None = None) -> None:
        """Watches one more camera, while the others go on; only to be called between two steps.

        Raises:
            InputError: there is one of that name.
        """
        self._reader.add(feed)
        self._sinks[feed.name] = sink
        self.set_schedule(feed.name, schedule)
        # a new dictionary: other threads may be going through the old one
        self.cameras = {**self.cameras, feed.name: CameraStatus(feed.name)}

    def remove(self, name: str) -> None:
        """Watches a camera no longer, and ends its violations; only to be called between two steps."""
        self._reader.remove(name)
        self._end(name, self._pipeline.part(name))
        self.cameras = {other: camera for other, camera in self.cameras.items() if other != name}
        del self._sinks[name]
        self._started.pop(name, None)
        self.set_schedule(name, None)

    def set_schedule(self, name: str, schedule: Schedule | None) -> None:
        """Sets the hours in which masks are required before a camera; None: always."""
        self._schedules.pop(name, None)
        if schedule is not None:
            self._schedules[name] = schedule

    def _step(self, frames: Sequence[Frame]) -> None:
        off_duty = [name for name, camera in self.cameras.items() if camera.off_duty]
        for result in self._pipeline.step(frames, off_duty=off_duty):
            camera = self.cameras[result.frame.camera]
            sink = self._sinks[camera.name]
            camera.result_seconds = time.monotonic()
            camera.counter.tick(camera.result_seconds)
            camera.frames += 1
            camera.latency_seconds = camera.result_seconds - result.frame.captured_seconds
            camera.statuses = Counter(track.status.value for track in result.tracks if track.is_required)
            camera.people |= {track.track_id for track in result.tracks}
            picture = None
            if sink.wants_picture(result):
                start = time.perf_counter()
                picture = self._draw(result, camera)
                result = replace(result, draw_seconds=time.perf_counter() - start)
            sink.write(result, picture)
            self._report(result.violations)

    def _draw(self, result: FrameResult, camera: CameraStatus) -> Image:
        clock = time.strftime("%Y-%m-%d %H:%M:%S") if camera.health.is_live else None
        return draw(result, fps=camera.fps, clock=clock)

    def _report(self, violations: Sequence[Violation]) -> None:
        for violation in violations:
            self.cameras[violation.camera].violations += violation.phase is ViolationPhase.STARTED
            self._on_violation(violation)

    def _look_after_cameras(self) -> None:
        """Takes note of their states and of the hour."""
        now = datetime.now()
        for name, health in self._reader.health().items():
            camera = self.cameras[name]
            before, camera.health = camera.health, health
            schedule = self._schedules.get(name)
            camera.off_duty = schedule is not None and health.is_live and not schedule.is_on(now)
            if (before.state, before.fault) != (health.state, health.fault):
                self._on_state(camera)
            if health.state.is_final and not before.state.is_final:
                self._end(name, self._pipeline.finish(name))
            elif (
                health.is_live
                and health.state is not FeedState.LIVE
                and time.monotonic() - camera.result_seconds > _NOBODY_SECONDS
            ):
                self._end(name, self._pipeline.interrupt(name))

    def _end(self, name: str, ended: Sequence[Violation]) -> None:
        """Nobody is seen by a camera any more; a second time there is nothing left to end."""
        self.cameras[name].statuses = Counter()
        if ended:
            self._sinks[name].finish(ended)
            self._report(ended)

    def _wait_for(self, frames: Sequence[Frame]) -> None:
        """Holds recordings back to the speed at which they were made."""
        if not self._realtime:
            return
        now = time.monotonic()
        ahead = 0.0
        for frame in frames:
            camera = self.cameras.get(frame.camera)  # it may have been removed since the step
            if camera is not None and not camera.health.is_live:
                # a recording that fell behind, or was paused, goes on at its own speed instead of catching up
                start = max(self._started.get(frame.camera, -math.inf), now - frame.pts_seconds)
                self._started[frame.camera] = start
                ahead = max(ahead, start + frame.pts_seconds - now)
        time.sleep(min(ahead, _LONGEST_NAP_SECONDS))  # short, since other cameras go on meanwhile
