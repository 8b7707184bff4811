"""Recorded files and pictures as jobs, run one after another; one that fails does not stop the others."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from maskcam.config import Config
from maskcam.errors import MaskcamError, OutputError
from maskcam.pipeline import Look, Pipeline
from maskcam.recorder import Recorder, Report
from maskcam.sinks.base import Sink, SinkGroup
from maskcam.sinks.files import safe_name
from maskcam.sinks.jsonl import JsonlSink
from maskcam.sinks.pictures import PictureSink
from maskcam.sinks.snapshots import SnapshotSink
from maskcam.sinks.video import VideoSink
from maskcam.sources import open_source
from maskcam.sources.base import Source
from maskcam.sources.images import ImagesSource
from maskcam.sources.media import expand_inputs, is_image
from maskcam.sources.urls import mask_password
from maskcam.types import Frame, FrameResult


@dataclass(frozen=True, slots=True)
class Job:
    """One recording, or the pictures of one argument, and what its files are called.

    Attributes:
        name: shown to the user, and the stem of the outputs; unique within a run.
        files: one video, or any number of pictures.
        pictures: whether these are pictures.
    """

    name: str
    files: tuple[Path, ...]
    pictures: bool


def plan_jobs(
    inputs: Iterable[str], *, expand: Callable[[str], Sequence[Path]] = expand_inputs
) -> tuple[list[Job], list[Report]]:
    """Sorts files, folders and globs into jobs.

    Args:
        inputs: as the user named them.
        expand: what each of them stands for.

    Returns:
        The jobs in the order given, and a report for each input that leads to none.
    """
    jobs: list[Job] = []
    failed: list[Report] = []
    taken: Counter[str] = Counter()

    def add(files: Sequence[Path], stem: str, *, pictures: bool) -> None:
        stem = safe_name(stem)
        taken[stem.casefold()] += 1
        number = taken[stem.casefold()]
        name = stem if number == 1 else f"{stem}-{number}"
        jobs.append(Job(name, tuple(files), pictures))

    for spec in inputs:
        try:
            files = expand(spec)
        except MaskcamError as error:
            failed.append(Report(input=mask_password(spec), error=str(error)))
            continue
        pictures = [file for file in files if is_image(file)]
        if pictures:
            single = len(pictures) == 1
            add(pictures, pictures[0].stem if single else Path(spec).resolve().name, pictures=True)
        for file in files:
            if file not in pictures:
                add([file], file.stem, pictures=False)
    return jobs, failed


def run_job(
    job: Job,
    folder: Path,
    *,
    config: Config,
    pipeline: Pipeline,
    on_start: Callable[[Source], None],
    on_frame: Callable[[FrameResult], None],
    look: Callable[[Sequence[Frame]], Look] | None = None,
    run_id: str | None = None,
) -> Report:
    """Runs one job.

    Args:
        job: what to run.
        folder: for the outputs: `NAME.mp4` or one JPEG per picture, `NAME.events.jsonl` and `NAME.snapshots/`.
        config: how to record, and how pictures are judged.
        pipeline: for video; lends its networks to pictures.
        on_start: called with the open source.
        on_frame: called after every frame.
        look: of video; see `Recorder`.
        run_id: of the event store, a UUID in hex: a job that is done again under it replaces what it wrote there
            before; None makes one.

    Returns:
        What became of it. A fault or Ctrl-C stands in its `error`, so that the other jobs go on or the summary can
        be shown; after Ctrl-C `interrupted` is set too.
    """
    report = Report(input=job.name)
    try:
        with ExitStack() as stack:
            source = stack.enter_context(open_job(job, config=config))
            report.input = source.info.name
            sink = stack.enter_context(
                SinkGroup(make_sinks(job, folder, config=config, report=report, run_id=run_id))
            )
            on_start(source)
            steps = config.still_pipeline(pipeline) if job.pictures else pipeline
            Recorder(steps, report, look=None if job.pictures else look).run(source, sink, on_frame=on_frame)
    except MaskcamError as error:
        report.error = str(error)
    except KeyboardInterrupt:
        report.error = "interrupted"
        report.interrupted = True
    report.outputs = [path for path in report.outputs if path.exists()]  # no frame, no video
    return report


def open_job(job: Job, *, config: Config) -> Source:
    """Opens what the job reads."""
    if job.pictures:
        return ImagesSource(job.files)
    return open_source(str(job.files[0]), hardware_decode=config.cameras.hardware_decode)


def make_sinks(
    job: Job, folder: Path, *, config: Config, report: Report, run_id: str | None = None
) -> list[Sink]:
    """Makes what the job writes, and notes it in the report.

    Raises:
        OutputError: an output would replace an input, or cannot be written.
    """
    snapshots = folder / f"{job.name}.snapshots"
    events = folder / f"{job.name}.events.jsonl"
    with ExitStack() as stack:  # closes those already made when a later one cannot be
        sinks: list[Sink] = []
        if job.pictures:
            if any(file.parent.resolve() == folder.resolve() for file in job.files):
                raise OutputError(
                    f"annotated pictures would replace those in {folder}: choose another output folder"
                )
            if config.keeps_pictures:
                sinks.append(stack.enter_context(PictureSink(folder)))
                report.outputs.append(folder)
        elif config.keeps_video:
            video = folder / f"{job.name}.mp4"
            recording = config.recording
            sinks.append(
                stack.enter_context(
                    VideoSink(video, audio_from=job.files[0], crf=recording.crf, preset=recording.preset)
                )
            )
            report.outputs.append(video)
        # those of an earlier run go, as its log and video do, but only once nothing else refuses
        shutil.rmtree(snapshots, ignore_errors=True)
        if config.keeps_snapshots:
            sinks.append(stack.enter_context(SnapshotSink(snapshots)))
        named = snapshots if config.keeps_snapshots else None
        sinks.append(stack.enter_context(JsonlSink(events, snapshots=named)))
        report.outputs += [events, snapshots]  # those that are there in the end
        # a run for each job, since their cameras may have the same name; faces on pictures are nobody at a camera
        if config.store.url is not None and not job.pictures:
            store = config.build_store(
                run_id=run_id or uuid.uuid4().hex,
                environ=os.environ,
                is_live=False,
                is_repeatable=run_id is not None,
            )
            sinks.append(stack.enter_context(store))
        stack.pop_all()
    return sinks


def write_summary(reports: Sequence[Report], path: Path) -> None:
    """Writes all reports as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"inputs": [report.to_json() for report in reports]}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the summary {path}: {error.strerror}") from error
