"""Takes the frames of one source through the pipeline into sinks, and counts what was seen.

Decoding, looking for faces, judging them, drawing and writing overlap, each in a thread of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from maskcam.belts import Ahead, Behind
from maskcam.overlay import draw
from maskcam.pipeline import Look, Pipeline
from maskcam.sinks.base import SinkGroup
from maskcam.sources.base import Source
from maskcam.timing import FpsCounter, StageTimer
from maskcam.types import Frame, FrameResult, Image, Violation


@dataclass(slots=True)
class Report:
    """What became of one input.

    Attributes:
        input: name of it, safe to print.
        outputs: files and folders written.
        frames: analysed.
        seconds: spent on it.
        media_seconds: time of its last frame.
        statuses: how many people had this status last; for pictures, how many faces.
        violations: how many started, per status at their end.
        stage_seconds: spent per stage.
        error: why it failed or stopped early, in one sentence; None if all went well.
        interrupted: stopped by the user.
    """

    input: str
    outputs: list[Path] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0
    media_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    stage_seconds: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    interrupted: bool = False

    @property
    def people(self) -> int:
        """How many people were seen."""
        return self.statuses.total()

    @property
    def fps(self) -> float:
        """Frames per second, everything included."""
        return self.frames / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """For the summary file."""
        return {
            "input": self.input,
            "outputs": [str(path) for path in self.outputs],
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "media_seconds": round(self.media_seconds, 3),
            "people": self.people,
            "statuses": dict(self.statuses),
            "violations": dict(self.violations),
            "stage_seconds": {stage: round(seconds, 4) for stage, seconds in self.stage_seconds.items()},
            "error": self.error,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """The report of which `to_json` made these values, as far as they were not rounded.

        Raises:
            KeyError: it made something else.
        """
        return cls(
            input=values["input"],
            outputs=[Path(path) for path in values["outputs"]],
            frames=values["frames"],
            seconds=values["seconds"],
            media_seconds=values["media_seconds"],
            statuses=Counter(values["statuses"]),
            violations=Counter(values["violations"]),
            stage_seconds=Counter(values["stage_seconds"]),
            error=values["error"],
        )


class Recorder:
    """Takes one input through the pipeline into its sinks, counting as it goes.

    Args:
        pipeline: stays open.
        report: filled in frame by frame, so that it is true after a fault or an interruption too.
        look: finds the faces in the next frames, in place of `Pipeline.look`.
    """

    def __init__(
        self, pipeline: Pipeline, report: Report, *, look: Callable[[Sequence[Frame]], Look] | None = None
    ) -> None:
        self._pipeline = pipeline
        self._report = report
        self._look = look or pipeline.look
        self._last_status: dict[tuple[str, int], str] = {}
        self._violations: dict[tuple[str, int], Violation] = {}
        self._cameras: dict[str, None] = {}
        self._fps = FpsCounter()

    def run(self, source: Source, sink: SinkGroup, *, on_frame: Callable[[FrameResult], None]) -> None:
        """Runs to the end of the source.

        Raises:
            MaskcamError: the source or a sink failed; the sinks have been given all that came before.
        """
        start = time.perf_counter()
        decoding, drawing, writing = StageTimer(), StageTimer(), StageTimer()

        def write(drawn: tuple[FrameResult, Image | None]) -> None:
            with writing.stage("write"):
                sink.write(*drawn)

        def pass_on(result: FrameResult) -> None:
            picture = None
            if sink.wants_picture(result):
                start_seconds = time.perf_counter()
                picture = draw(result, fps=self._fps.fps)
                result = replace(result, draw_seconds=time.perf_counter() - start_seconds)
                drawing.add("draw", result.draw_seconds or 0.0)
            to_write.put((result, picture))

        try:
            with (
                Behind(write, name="writes") as to_write,
                Behind(pass_on, name="draws") as to_draw,
                Ahead(_timed(source, decoding), name="decodes") as frames,
                Ahead((self._look([frame]) for frame in frames), name="looks for faces") as looks,
            ):
                for look in looks:
                    (result,) = self._pipeline.judge(look)
                    to_draw.put(result)
                    self._count(result, time.perf_counter())
                    on_frame(result)
        finally:
            for camera in self._cameras:
                ended = self._pipeline.finish(camera)
                sink.finish(ended)
                self._remember(ended)
            self._report.seconds += time.perf_counter() - start
            for timer in (decoding, drawing, writing):
                self._report.stage_seconds.update(timer.seconds)
            self._report.statuses.update(self._last_status.values())
            self._report.violations.update(violation.status.value for violation in self._violations.values())

    def _count(self, result: FrameResult, now_seconds: float) -> None:
        self._fps.tick(now_seconds)
        self._cameras[result.frame.camera] = None
        self._report.frames += 1
        self._report.media_seconds = result.frame.pts_seconds
        self._report.stage_seconds.update(result.stage_seconds)
        for track in result.tracks:
            self._last_status[result.frame.camera, track.track_id] = track.status.value
        self._remember(result.violations)

    def _remember(self, violations: Iterable[Violation]) -> None:
        for violation in violations:
            self._violations[violation.camera, violation.violation_id] = violation


def _timed(source: Source, timer: StageTimer) -> Iterator[Frame]:
    """The frames of a source, the time to get them counted as the stage `decode`."""
    frames = iter(source)
    while True:
        with timer.stage("decode"):
            frame = next(frames, None)
            if frame is None:
                return
            frame.pixels.glance()  # kept by the picture: whoever looks for faces next has less to do
        yield frame
