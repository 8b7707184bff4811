"""What a worker of the cluster does. Nothing of Ray in here: they are plain functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2

from maskcam.batch import Job, run_job
from maskcam.cluster.base import Tell
from maskcam.cluster.inputs import fetch, forget
from maskcam.cluster.looks import Recall, SavedLook, pack_looks, unpack_looks
from maskcam.cluster.plans import Plan, Work, finished
from maskcam.config import Config
from maskcam.detectors.base import Detector
from maskcam.errors import ClusterError, SourceError
from maskcam.pipeline import Pipeline
from maskcam.pixels import Pixels
from maskcam.recorder import Report
from maskcam.sources.file import VideoFileSource
from maskcam.sources.spans import Span
from maskcam.types import Faces, FrameResult, Image

_TELL_FRAMES = 25


def look_at_part(plan: Plan, index: int, work: Work, tell: Tell) -> None:
    """Looks for the faces in one part of a recording, and saves what is found.

    A part that cannot be read to its end is saved as far as it goes: whoever judges it comes upon the same fault, and
    reports it.

    Raises:
        MaskcamError: the looks cannot be saved, or the networks not be loaded.
    """
    _share_the_machine()
    looks = list(_looks(plan, plan.spans[index], work.config, tell))
    work.output.write(plan.part_file(index), pack_looks(looks))
    tell(len(looks))


def judge(plan: Plan, work: Work, tell: Tell) -> Report:
    """Does all the rest of a recording that has been looked at, or all of one that is not cut.

    Returns:
        What became of it; faults of the recording or its outputs stand in its `error`.
    """
    _share_the_machine()
    report = finished(plan, work)
    if report is not None:  # by somebody who died before saying so
        return report
    recording, config = plan.recording, work.config
    recall = Recall(_saved(plan, work)) if plan.spans else None
    count = 0

    def advance(_: FrameResult) -> None:
        nonlocal count
        count += 1
        if count % _TELL_FRAMES == 0:
            tell(count)

    with work.output.workshop() as folder:
        report = run_job(
            Job(recording.name, tuple(fetch(file) for file in recording.files), recording.pictures),
            folder,
            config=config,
            pipeline=_pipeline(config, looks=recall is None),
            on_start=lambda _: None,
            on_frame=advance,
            look=None if recall is None else recall.look,
            run_id=plan.result_key,  # who is killed and repeated writes the same events again, not others
        )
        tell(count)
        report.outputs = work.output.publish(report.outputs, folder)
    if report.error is None:
        work.output.write(plan.report_file, json.dumps(report.to_json()).encode())
        work.output.remove(plan.parts_folder)
    for file in recording.files:
        forget(file)
    return report


def _looks(plan: Plan, span: Span, config: Config, tell: Tell) -> Iterator[SavedLook]:
    pipeline = _pipeline(config, looks=True)
    path = fetch(plan.recording.files[0])
    try:
        with VideoFileSource(path, hardware_decode=config.cameras.hardware_decode, span=span) as source:
            for count, frame in enumerate(source):
                yield SavedLook.of(pipeline.look([frame]))
                if count % _TELL_FRAMES == 0:
                    tell(count)
    except SourceError:
        return
    finally:
        pipeline.finish(path.name)


def _saved(plan: Plan, work: Work) -> Iterator[SavedLook]:
    for index in range(len(plan.spans)):
        data = work.output.read(plan.part_file(index))
        if data is None:
            raise ClusterError(
                f"part {index + 1} of {plan.recording.name} has gone from the output folder: run the command again"
            )
        yield from unpack_looks(data)


@lru_cache(maxsize=2)
def _pipeline(config: Config, *, looks: bool) -> Pipeline:
    """Stays open as long as the worker lives; without `looks`, no network for it is loaded."""
    return config.build_pipeline(detectors=None if looks else {config.detector: _NoDetector()})


class _NoDetector(Detector):
    """Where looks are recalled."""

    device = "none"

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:  # noqa: ARG002
        raise ValueError("looks are to be recalled here, not taken")


def _share_the_machine() -> None:
    """Other tasks use the other cores: Ray tells OpenMP by its environment, OpenCV has to be told here."""
    cv2.setNumThreads(1)
