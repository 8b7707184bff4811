"""What `benchmarks/fast.py` sets against each other: each program runs in a process of its own, as a user's would.

A program goes through a clip, again and again for some seconds, and tells how far it got. What it needs to load stays
loaded between its turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import av
from av.video.frame import PictureType

from maskcam.batch import Job, run_job
from maskcam.benchmarking.looped import LoopedSource
from maskcam.benchmarking.machine import resident_mib
from maskcam.config import Config
from maskcam.config_sections import RecordingConfig
from maskcam.pipeline import Pipeline
from maskcam.recorder import Recorder, Report
from maskcam.sinks.base import SinkGroup
from maskcam.types import FrameResult

if TYPE_CHECKING:
    from torch.nn import Module

    from benchmarks.baseline import Detect

_MOST_KEPT_FRAMES = 60  # 190 MB at 1920x1080
_ENCODER_THREADS = 2  # as `VideoSink` has by default


@dataclass(frozen=True)
class Turn:
    """How far a program got."""

    frames: int
    seconds: float
    faces: float | None = None
    """Per frame, where it looks for them."""

    @property
    def fps(self) -> float:
        return self.frames / self.seconds


def decode(clip: Path, seconds: float) -> Turn:
    """PyAV alone, no conversion."""
    return _again_and_again(lambda: sum(1 for _ in _decoded(clip)), seconds)


def decode_to_bgr(clip: Path, seconds: float) -> Turn:
    """With every frame converted as a whole, as OpenCV and most programs do."""
    return _again_and_again(
        lambda: sum(len(frame.to_ndarray(format="bgr24")) > 0 for frame in _decoded(clip)), seconds
    )


def encode(clip: Path, seconds: float) -> Turn:
    """x264 alone with the settings of `process`; the frames were decoded before."""
    frames = _kept(clip)
    return _again_and_again(lambda: _encode(iter(frames)), seconds)


def decode_and_encode(clip: Path, seconds: float) -> Turn:
    """The same clip out again with those settings and nothing done to it: what `process` cannot do without."""
    return _again_and_again(lambda: _encode(_decoded(clip)), seconds)


def decode_and_encode_bgr(clip: Path, seconds: float) -> Turn:
    """The same by way of BGR arrays, which whoever draws on frames needs."""

    def by_bgr() -> Iterator[av.VideoFrame]:
        for frame in _decoded(clip):
            yield av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24"), format="bgr24")

    return _again_and_again(lambda: _encode(by_bgr()), seconds)


def process(clip: Path, seconds: float, *, video: bool) -> Turn:
    """What `maskcam process` does with a file, start-up left out: events and snapshots, video or none."""
    config = Config(recording=RecordingConfig(video=video))
    faces = 0

    def count(result: FrameResult) -> None:
        nonlocal faces
        faces += len(result.tracks)

    frames, passed = 0, 0.0
    while passed < seconds:
        with TemporaryDirectory() as folder:
            job = Job(clip.stem, (clip,), pictures=False)
            report = run_job(
                job,
                Path(folder),
                config=config,
                pipeline=_pipeline(),
                on_start=lambda _: None,
                on_frame=count,
            )
        if report.error is not None:
            raise RuntimeError(report.error)
        frames += report.frames
        passed += report.seconds
    return Turn(frames, passed, faces / frames)


def tutorial(clip: Path, seconds: float, *, detector: str, models: Path, writes: bool) -> Turn:
    """`benchmarks/baseline.py`: once through the clip, or for those seconds, which it hardly gets beyond."""
    from benchmarks.baseline import run  # PyTorch and MediaPipe, which the other programs can do without

    with TemporaryDirectory() as folder:
        speed = run(
            clip,
            _tutorial_detector(detector, models),
            _tutorial_classifier(),
            output=Path(folder) / "out.mp4" if writes else None,
            seconds=seconds,
        )
    return Turn(speed.frames, speed.seconds, speed.faces)


def remember(clip: Path, seconds: float) -> dict[str, Any]:
    """Analyses the clip round and round, and looks at this process's memory once a second."""
    samples: list[tuple[float, float]] = []
    start = time.monotonic()

    def look(_: FrameResult) -> None:
        passed = time.monotonic() - start
        if passed >= len(samples):
            samples.append((passed, resident_mib() or 0.0))

    report = Report(input=clip.name)
    with LoopedSource(str(clip), name="camera", warm_up_frames=0, seconds=seconds, once=False) as source:
        Recorder(_pipeline(), report).run(source, SinkGroup([]), on_frame=look)
    return {"frames": report.frames, "samples": samples}


def _again_and_again(once: Callable[[], int], seconds: float) -> Turn:
    """Repeats what returns its number of frames."""
    frames = 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        frames += once()
    return Turn(frames, passed)


def _decoded(clip: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        yield from container.decode(video=0)


def _encode(frames: Iterator[av.VideoFrame]) -> int:
    recording = RecordingConfig()
    count = 0
    with TemporaryDirectory() as folder, av.open(str(Path(folder) / "out.mp4"), "w") as container:
        options = {"crf": str(recording.crf), "preset": recording.preset}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = _ENCODER_THREADS
        for frame in frames:
            if count == 0:
                stream.width, stream.height = frame.width, frame.height
            frame.pts = None  # the encoder numbers them
            frame.pict_type = PictureType.NONE  # or it would copy the key frames of the input
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count


@cache
def _kept(clip: Path) -> list[av.VideoFrame]:
    return [frame for _, frame in zip(range(_MOST_KEPT_FRAMES), _decoded(clip), strict=False)]


@cache
def _pipeline() -> Pipeline:
    """Stays open as long as the process lives."""
    return Config().build_pipeline()


@cache
def _tutorial_detector(name: str, models: Path) -> Detect:
    from benchmarks.baseline import MODEL_FILES, make_detector

    return make_detector(name, models / MODEL_FILES[name])


@cache
def _tutorial_classifier() -> Module:
    from benchmarks.baseline import make_classifier

    return make_classifier()
