"""`maskcam process`: recorded files, folders and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.options import (
    Backend,
    BlurFaces,
    Clips,
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    HardwareDecode,
    Precision,
    RemoteClassifier,
    Snapshots,
    StatisticsOnly,
    Store,
    Thorough,
    Weights,
    announce,
    make_config,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from maskcam.batch import Job
    from maskcam.commands.notes import Notes
    from maskcam.config import Config
    from maskcam.pipeline import Pipeline
    from maskcam.recorder import Report
    from maskcam.sources.base import Source
    from maskcam.types import FrameResult


def process(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Videos, pictures, folders or globs.")
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.")],
    store: Store = None,
    config_file: ConfigFile = None,
    hardware_decode: HardwareDecode = None,
    device: Device = None,
    backend: Backend = None,
    precision: Precision = None,
    weights: Weights = None,
    classifier: RemoteClassifier = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
    blur: BlurFaces = None,
    snapshots: Snapshots = None,
    clips: Clips = None,
    statistics_only: StatisticsOnly = None,
    video: Annotated[
        bool | None, typer.Option("--video/--no-video", help="Write the annotated video. Default: --video.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|local",
            help="Spread the work over a Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local[:WORKERS]. Inputs and"
            " output are shared by all nodes, or addresses such as s3://bucket/folder.",
        ),
    ] = None,
) -> None:
    """Annotate recorded videos and pictures, and log violations with snapshots."""
    from rich.console import Console

    from maskcam.commands.tables import print_reports

    config = make_config(
        config_file,
        hardware_decode=hardware_decode,
        device=device,
        backend=backend,
        precision=precision,
        weights=weights,
        classifier=classifier,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
        video=video,
        store=store,
        blur=blur,
        snapshots=snapshots,
        clips=clips,
        statistics_only=statistics_only,
    )
    console = Console()
    if cluster is None:
        reports = _process_here(inputs, Path(output), config=config, console=console)
    else:
        from maskcam.commands.process_cluster import process_on_cluster

        with _progress(console) as progress:
            reports = process_on_cluster(
                inputs, output, address=cluster, config=config, console=console, progress=progress
            )
    print_reports(console, reports)
    console.print(f"Summary in {output.rstrip('/')}/summary.json")
    if any(report.interrupted for report in reports):
        raise KeyboardInterrupt
    if any(report.error for report in reports):
        raise typer.Exit(1)


def _process_here(inputs: list[str], output: Path, *, config: Config, console: Console) -> list[Report]:
    """Runs everything in this process, one input after another, and writes the summary."""
    from rich.markup import escape

    from maskcam.batch import plan_jobs, write_summary
    from maskcam.commands.notes import Notes
    from maskcam.errors import InputError
    from maskcam.sinks.files import make_folder

    jobs, reports = plan_jobs(inputs)
    if not jobs:
        raise InputError("; ".join(str(report.error) for report in reports))
    make_folder(output)  # before any work, not after
    with config.build_pipeline() as pipeline:
        announce(console, pipeline)
        with _progress(console) as progress:
            notes = Notes(lambda text: console.print(escape(text)))
            for job in jobs:
                reports.append(_run(job, output, config, pipeline, progress, notes))
                if reports[-1].interrupted:
                    break
    write_summary(reports, output / "summary.json")
    return reports


def _run(
    job: Job, folder: Path, config: Config, pipeline: Pipeline, progress: Progress, notes: Notes
) -> Report:
    """Runs one job under a progress bar of its own."""
    from maskcam.batch import run_job
    from maskcam.timing import FpsCounter

    task = progress.add_task(job.name, total=None, fps="")
    counter = FpsCounter()

    def start(source: Source) -> None:
        progress.update(task, total=notes.of(source).info.frame_count)

    def advance(_: FrameResult) -> None:
        counter.tick(progress.get_time())
        progress.update(task, advance=1, fps=f"{counter.fps:.1f} fps" if counter.fps else "")

    report = run_job(job, folder, config=config, pipeline=pipeline, on_start=start, on_frame=advance)
    progress.update(task, total=report.frames, completed=report.frames)  # the estimate may have been off
    return report


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]}"),
        TimeRemainingColumn(),
        console=console,
    )
