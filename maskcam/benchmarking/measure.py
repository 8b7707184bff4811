"""Runs the parts that `process` and `watch` are made of, and measures them from outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from maskcam.benchmarking.looped import LoopedSource, open_clip
from maskcam.benchmarking.meter import Meter, memory, spread_ms, stages
from maskcam.benchmarking.report import Run
from maskcam.config_sections import RecordingConfig
from maskcam.errors import SourceError
from maskcam.feeds import Feed
from maskcam.pipeline import Pipeline
from maskcam.recorder import Recorder, Report
from maskcam.sinks.base import SinkGroup
from maskcam.sinks.video import VideoSink
from maskcam.sources import source_name
from maskcam.watching import Watch

WARM_UP_FRAMES = 25
MOST_SECONDS = 60.0
"""Where nobody says how long: a clip of an hour is not played to its end."""
_MOST_FACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to measure.

    Attributes:
        clip: a recorded video.
        cameras: that play it at the same time. One that is not paced goes the way of `maskcam process`, any others
            that of `maskcam watch`.
        paced: at the clip's own speed; frames that come too late are dropped.
        video: writes annotated H.264.
        seconds: how long after the warm-up; None: each frame of the clip once, `MOST_SECONDS` at most.
    """

    clip: str
    cameras: int = 1
    paced: bool = False
    video: bool = False
    seconds: float | None = None

    @property
    def is_recording(self) -> bool:
        """Whether it goes the way of `maskcam process`."""
        return self.cameras == 1 and not self.paced


def measure(task: Task, pipeline: Pipeline, recording: RecordingConfig) -> Run | None:
    """Runs a task to its end, or until Ctrl-C.

    Args:
        task: what to run.
        pipeline: stays open.
        recording: how video is written.

    Returns:
        What was measured; None where Ctrl-C came before anything counted.

    Raises:
        InputError: the clip is no recorded video.
        SourceError: it cannot be read, or is over before anything counts.
        OutputError: the disk for temporary files is full.
    """
    dropped, interrupted = 0, False
    with ExitStack() as stack:
        sources = [stack.enter_context(_looped(task, number)) for number in range(1, task.cameras + 1)]
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="maskcam-bench-")))
        meters = [
            stack.enter_context(Meter(_video(task, recording, folder / f"{number}.mp4")))
            for number in range(1, task.cameras + 1)
        ]
        try:
            _warm_up(task, pipeline)
            if task.is_recording:
                report = Report(input=task.clip)
                Recorder(pipeline, report).run(sources[0], SinkGroup(meters), on_frame=lambda _: None)
            else:
                dropped = _watch(sources, meters, pipeline)
        except KeyboardInterrupt:
            interrupted = True
    return _summary(task, sources, meters, dropped=dropped, interrupted=interrupted)


def _warm_up(task: Task, pipeline: Pipeline) -> None:
    """Lets the networks make their kernels, new for every number of faces and size of frames, before time runs."""
    size = pipeline.classifier.crop.size
    for faces in range(1, _MOST_FACES + 1):
        pipeline.classifier.classify(np.zeros((faces, size, size, 3), np.uint8))
    with open_clip(task.clip) as clip:
        for frame in islice(clip, 1):
            pipeline.step([replace(frame, camera=f"{number}") for number in range(task.cameras)])
    for number in range(task.cameras):
        pipeline.finish(f"{number}")


def _looped(task: Task, number: int) -> LoopedSource:
    return LoopedSource(
        task.clip,
        name=f"camera {number}",
        warm_up_frames=WARM_UP_FRAMES,
        seconds=MOST_SECONDS if task.seconds is None else task.seconds,
        once=task.seconds is None,
        paced=task.paced,
    )


def _video(task: Task, recording: RecordingConfig, path: Path) -> VideoSink | None:
    if not task.video:
        return None
    crash_safe = not task.is_recording  # as `watch --record` writes
    return VideoSink(path, crf=recording.crf, preset=recording.preset, crash_safe=crash_safe)


def _watch(sources: Sequence[LoopedSource], meters: Sequence[Meter], pipeline: Pipeline) -> int:
    """Plays all sources at the same time.

    Returns:
        The number of dropped frames.

    Raises:
        SourceError: one of them cannot be read.
    """
    names = [source.info.name for source in sources]
    feeds = [
        Feed(name=name, open=lambda source=source: source, is_camera=False)  # type: ignore[misc]
        for name, source in zip(names, sources, strict=True)
    ]
    watching = Watch(
        feeds,
        pipeline,
        sinks=dict(zip(names, meters, strict=True)),
        realtime=False,
        on_violation=lambda _: None,
    )
    for _ in watching.run():
        pass
    healths = [camera.health for camera in watching.cameras.values()]
    reasons = [health.reason for health in healths if health.reason is not None]
    if reasons:
        raise SourceError(reasons[0])
    return sum(health.dropped for health in healths)


def _summary(
    task: Task,
    sources: Sequence[LoopedSource],
    meters: Sequence[Meter],
    *,
    dropped: int,
    interrupted: bool,
) -> Run | None:
    notes = sorted((note for meter in meters for note in meter.notes), key=lambda note: note.done_seconds)
    # everything counts from the last result of any camera's warm-up on
    start = max((i for i, note in enumerate(notes) if note.index < WARM_UP_FRAMES), default=0)
    counted = notes[start + 1 :]
    if not counted:
        if interrupted:
            return None
        raise SourceError(
            f"{source_name(task.clip)} was over before anything counted: raise --seconds, or name another video."
        )
    first = notes[start]
    last = max((meter.last for meter in meters if meter.last is not None), key=lambda note: note.done_seconds)
    frames = len(counted) + sum(meter.count - len(meter.notes) for meter in meters)
    seconds = last.done_seconds - first.done_seconds
    cpu_seconds = last.cpu_seconds - first.cpu_seconds
    decode_seconds = [s for source in sources for s in source.decode_seconds[WARM_UP_FRAMES:]]
    return Run(
        input=source_name(task.clip),
        size_wh=meters[0].size_wh,
        cameras=task.cameras,
        paced=task.paced,
        video=task.video,
        frames=frames,
        dropped=dropped,
        seconds=round(seconds, 3),
        fps=round(frames / seconds, 2),
        cpu_seconds=round(cpu_seconds, 3),
        fps_per_core=round(frames / max(cpu_seconds, 1e-3), 2),
        faces=round(sum(note.faces for note in counted) / len(counted), 2),
        latency_ms=spread_ms(note.latency_seconds for note in counted),
        stages_ms=stages(counted, decode_seconds),
        memory_mib=memory(counted, max(meter.peak_mib for meter in meters)),
        interrupted=interrupted,
    )
