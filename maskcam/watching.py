"""Runs the pipeline over live cameras until they end or somebody stops it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from maskcam.live import LiveReader
from maskcam.overlay import draw
from maskcam.pipeline import Pipeline
from maskcam.sinks.base import Sink
from maskcam.sources.base import Source
from maskcam.timing import FpsCounter
from maskcam.types import Frame, FrameResult, Image, Violation, ViolationPhase

_LONGEST_NAP_SECONDS = 0.1


@dataclass(slots=True)
class CameraStatus:
    """How one camera is doing, for the table.

    Attributes:
        name: of the camera.
        is_live: False for a recording.
        frames: analysed so far.
        dropped: frames that were overwritten by newer ones before they could be analysed.
        latency_seconds: from the capture of the last frame to its result.
        statuses: faces in the last frame, per status.
        people: tracks seen so far.
        violations: started so far.
        ended: None while it runs; "ended", or why it failed, in one sentence.
        failed: it ended with an error.
    """

    name: str
    is_live: bool
    frames: int = 0
    dropped: int = 0
    latency_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    people: set[int] = field(default_factory=set)
    violations: int = 0
    ended: str | None = None
    failed: bool = False
    counter: FpsCounter = field(default_factory=FpsCounter)

    @property
    def fps(self) -> float:
        """Frames analysed per second, lately."""
        return self.counter.fps


class Watch:
    """Watches cameras: newest frames in, results to the sinks of each camera.

    Args:
        sources: open, with different names; closed by the watch.
        pipeline: stays open.
        sinks: per camera's name; stay open.
        realtime: recordings are played no faster than they were made, for people who look on.
        on_violation: told of every change of a violation.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        pipeline: Pipeline,
        *,
        sinks: Mapping[str, Sink],
        realtime: bool,
        on_violation: Callable[[Violation], None],
    ) -> None:
        self._reader = LiveReader(sources)
        self._pipeline = pipeline
        self._sinks = sinks
        self._realtime = realtime
        self._on_violation = on_violation
        self._started: dict[str, float] = {}
        self._ends_seen = 0
        self.cameras = {s.info.name: CameraStatus(s.info.name, is_live=s.info.is_live) for s in sources}

    def run(self) -> Iterator[None]:
        """Watches on; hands over after every step, so that the caller may look after its window or stop.

        Raises:
            OutputError: a sink failed.
        """
        try:
            with self._reader:
                for frames in self._reader.batches():
                    self._step(frames)
                    self._note_ends()
                    yield
                    self._wait_for(frames)
                self._note_ends()  # of those that ended during the last step
        finally:
            for name in self.cameras:
                self._finish(name)

    def _step(self, frames: Sequence[Frame]) -> None:
        for result in self._pipeline.step(frames):
            camera = self.cameras[result.frame.camera]
            sink = self._sinks[camera.name]
            now = time.monotonic()
            camera.counter.tick(now)
            camera.frames += 1
            camera.dropped = self._reader.dropped[camera.name]
            camera.latency_seconds = now - result.frame.captured_seconds
            camera.statuses = Counter(track.status.value for track in result.tracks)
            camera.people |= {track.track_id for track in result.tracks}
            sink.write(result, self._draw(result, camera) if sink.wants_picture(result) else None)
            self._report(result.violations)

    def _draw(self, result: FrameResult, camera: CameraStatus) -> Image:
        clock = time.strftime("%Y-%m-%d %H:%M:%S") if camera.is_live else None
        return draw(result, fps=camera.fps, clock=clock)

    def _report(self, violations: Sequence[Violation]) -> None:
        for violation in violations:
            self.cameras[violation.camera].violations += violation.phase is ViolationPhase.STARTED
            self._on_violation(violation)

    def _note_ends(self) -> None:
        for end in self._reader.ended[self._ends_seen :]:
            camera = self.cameras[end.name]
            camera.failed = end.error is not None
            camera.ended = str(end.error) if end.error else "ended"
            camera.statuses = Counter()
            self._finish(end.name)
            self._ends_seen += 1

    def _finish(self, name: str) -> None:
        """Ends what is still going on before a camera; a second time there is nothing left to end."""
        ended = self._pipeline.finish(name)
        self._sinks[name].finish(ended)
        self._report(ended)

    def _wait_for(self, frames: Sequence[Frame]) -> None:
        """Holds recordings back to the speed at which they were made."""
        if not self._realtime:
            return
        now = time.monotonic()
        ahead = 0.0
        for frame in frames:
            if not self.cameras[frame.camera].is_live:
                # a recording that fell behind, or was paused, goes on at its own speed instead of catching up
                start = max(self._started.get(frame.camera, -math.inf), now - frame.pts_seconds)
                self._started[frame.camera] = start
                ahead = max(ahead, start + frame.pts_seconds - now)
        time.sleep(min(ahead, _LONGEST_NAP_SECONDS))  # short, since other cameras go on meanwhile
