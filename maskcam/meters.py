"""Counts and times of everything that was judged, for those who keep an eye on a service."""

from __future__ import annotations

import bisect
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from maskcam.sinks.base import Sink
from maskcam.types import FrameResult, Image, Violation, ViolationPhase

LATENCY_BOUNDS_SECONDS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class Histogram:
    """How many values lie below each bound.

    Attributes:
        counts: of values between a bound and the one before; the last is of those beyond all bounds.
        total: sum of all values.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one value."""
        self.counts[bisect.bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += 1
        self.total += seconds


class Meters(Sink):
    """Measures results as they pass; one thread writes, any thread may read.

    Attributes:
        latency: from the capture of a frame to its result, per camera.
        stage_seconds: spent so far, per stage.
        steps: of the pipeline, so far.
        violations: started so far, per camera and status.
    """

    def __init__(self) -> None:
        self.latency: dict[str, Histogram] = {}
        self.stage_seconds: Counter[str] = Counter()
        self.steps = 0
        self.violations: Counter[tuple[str, str]] = Counter()
        self._step: int | None = None

    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  needs none
        """Counts one frame."""
        camera = result.frame.camera
        if camera not in self.latency:  # a new dictionary: another thread may be going through the old one
            self.latency = {**self.latency, camera: Histogram()}
        self.latency[camera].add(time.monotonic() - result.frame.captured_seconds)
        # all frames of a step share one dictionary of its stages, which must count once
        if id(result.stage_seconds) != self._step:
            self._step = id(result.stage_seconds)
            self.steps += 1
            self.stage_seconds.update(result.stage_seconds)
        self._count(result.violations)

    def finish(self, violations: Sequence[Violation]) -> None:
        """Nothing starts when a source ends."""
        self._count(violations)

    def _count(self, violations: Sequence[Violation]) -> None:
        for violation in violations:
            if violation.phase is ViolationPhase.STARTED:
                self.violations[violation.camera, violation.status.value] += 1
