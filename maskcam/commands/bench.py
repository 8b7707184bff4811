"""`maskcam bench`: how fast this machine is with maskcam, stage by stage."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.options import (
    Backend,
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    Precision,
    Thorough,
    Weights,
    make_config,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.status import Status

    from maskcam.benchmarking.measure import Task
    from maskcam.benchmarking.report import BenchReport, Run
    from maskcam.config import Config
    from maskcam.pipeline import Pipeline


def bench(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Recorded videos. Default: the sample video, or a drawn one where it is not there.",
        ),
    ] = None,
    video: Annotated[
        bool | None,
        typer.Option("--video/--no-video", help="Write annotated video, or none. Default: each in turn."),
    ] = None,
    cameras: Annotated[
        int, typer.Option(min=1, max=256, help="How many cameras play the video at the same time.")
    ] = 1,
    paced: Annotated[
        bool,
        typer.Option(
            "--paced/--unpaced",
            help="Play at the video's own speed and drop what comes too late, as cameras do, or as fast as possible.",
        ),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="How long to measure, round and round. Default: each frame once, for a minute at most.",
        ),
    ] = None,
    json_output: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE|-", help="Write JSON; - prints it in place of tables."),
    ] = None,
    config_file: ConfigFile = None,
    device: Device = None,
    backend: Backend = None,
    precision: Precision = None,
    weights: Weights = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
) -> None:
    """Measure how fast this machine is: each stage, frames per second, latency, memory."""
    from rich.console import Console

    from maskcam.benchmarking.drawn import sample_clip
    from maskcam.benchmarking.looped import open_clip
    from maskcam.benchmarking.measure import Task
    from maskcam.commands.bench_table import print_bench
    from maskcam.errors import InputError
    from maskcam.sinks.files import make_folder

    config = make_config(
        config_file,
        device=device,
        backend=backend,
        precision=precision,
        weights=weights,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
    )
    if video and not config.keeps_pictures:
        raise InputError("--video writes pictures, but statistics_only keeps none: remove one of them")
    if json_output not in (None, "-"):
        make_folder(Path(json_output).parent)  # before any work, not after
    both = (False, True) if config.keeps_pictures else (False,)
    with TemporaryDirectory(prefix="maskcam-bench-") as folder:
        clips = inputs or [str(sample_clip(Path(folder)))]
        for clip in clips:
            open_clip(clip).close()
        report = measure_all(
            [
                Task(clip=clip, cameras=cameras, paced=paced, video=with_video, seconds=seconds)
                for clip in clips
                for with_video in (both if video is None else (video,))
            ],
            config,
        )
    if json_output == "-":
        typer.echo(report.model_dump_json(indent=2))
    else:
        print_bench(Console(), report)
        if json_output is not None:
            write_json(report, Path(json_output))
    if report.interrupted:
        raise KeyboardInterrupt


def measure_all(tasks: Sequence[Task], config: Config) -> BenchReport:
    """Runs the tasks one after another, until Ctrl-C.

    Raises:
        MaskcamError: a device or weights are not there, or a clip cannot be read.
    """
    from rich.console import Console

    from maskcam.benchmarking.measure import measure

    runs: list[Run] = []
    console = Console(stderr=True)  # standard output may be JSON
    with config.build_pipeline() as pipeline:
        for task in tasks:
            with _patience(console, task):
                run = measure(task, pipeline, config.recording)
            if run is not None:
                runs.append(run)
            if run is None or run.interrupted:
                return _report(runs, pipeline, config, interrupted=True)
        return _report(runs, pipeline, config, interrupted=False)


def write_json(report: BenchReport, path: Path) -> None:
    """Writes the report.

    Raises:
        OutputError: it cannot be written.
    """
    from maskcam.errors import OutputError

    try:
        path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _report(runs: Sequence[Run], pipeline: Pipeline, config: Config, *, interrupted: bool) -> BenchReport:
    from maskcam import __version__
    from maskcam.benchmarking.machine import describe_machine, peak_mib
    from maskcam.benchmarking.measure import WARM_UP_FRAMES
    from maskcam.benchmarking.report import BenchReport

    peak = peak_mib()
    detector, classifier = pipeline.detector, pipeline.classifier
    return BenchReport(
        maskcam=__version__,
        machine=describe_machine(),
        detector=f"{type(detector).__name__} on {detector.device}",
        classifier=f"{type(classifier).__name__} on {classifier.device}",
        detection_size=config.detector.size,
        warm_up_frames=WARM_UP_FRAMES,
        peak_memory_mib=None if peak is None else round(peak, 1),
        runs=tuple(runs),
        interrupted=interrupted,
    )


def _patience(console: Console, task: Task) -> nullcontext[None] | Status:
    """Says on a terminal what takes so long."""
    from rich.markup import escape

    from maskcam.sources import source_name

    if not console.is_terminal:
        return nullcontext()
    how = "with video" if task.video else "without video"
    return console.status(f"measuring {escape(source_name(task.clip))} {how}")
