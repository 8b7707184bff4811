"""Runs on a cluster, and what they must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from maskcam.batch import plan_jobs, run_job
from maskcam.cluster.base import Cluster
from maskcam.cluster.driver import Driver
from maskcam.cluster.outputs import Folder
from maskcam.cluster.plans import Work, list_recordings
from maskcam.config import Config
from maskcam.recorder import Report


@dataclass
class Run:
    """What a driver did."""

    driver: Driver
    reports: list[Report] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    shown: dict[str, tuple[int, int | None]] = field(default_factory=dict)


def shorten_parts(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """So that a clip of some seconds has several parts; of this process only."""
    monkeypatch.setattr("maskcam.lookout.AFRESH_SECONDS", seconds)
    monkeypatch.setattr("maskcam.cluster.plans.AFRESH_SECONDS", seconds)


def run_on(
    cluster: Cluster,
    inputs: Sequence[object],
    output: object,
    *,
    config: Config | None = None,
    cut_from_seconds: float = 0.0,
) -> Run:
    """As `maskcam process INPUTS -o OUTPUT --cluster`."""
    recordings, failed = list_recordings([str(spec) for spec in inputs])
    shown: dict[str, tuple[int, int | None]] = {}
    said: list[str] = []
    driver = Driver(
        cluster,
        Work(config or Config(), Folder(str(output)), cut_from_seconds),
        show=lambda name, done, total: shown.update({name: (done, total)}),
        say=said.append,
    )
    return Run(driver, failed + driver.run(recordings), said, shown)


def run_here(inputs: Sequence[object], output: Path, *, config: Config | None = None) -> list[Report]:
    """As without `--cluster`."""
    config = config or Config()
    jobs, failed = plan_jobs([str(spec) for spec in inputs])
    with config.build_pipeline() as pipeline:
        return failed + [
            run_job(
                job,
                output,
                config=config,
                pipeline=pipeline,
                on_start=lambda _: None,
                on_frame=lambda _: None,
            )
            for job in jobs
        ]


def assert_same_results(one: Path, other: Path, *, names: Sequence[str]) -> None:
    """Events and faces byte for byte; annotated pictures show the speed, which differs."""
    for name in names:
        events = (one / f"{name}.events.jsonl").read_bytes()
        assert events, f"nothing happens in {name}: a poor test"
        assert (other / f"{name}.events.jsonl").read_bytes() == events
        faces = sorted((one / f"{name}.snapshots/faces").iterdir())
        assert faces
        for face in faces:
            assert (other / face.relative_to(one)).read_bytes() == face.read_bytes()
        assert sorted(path.relative_to(one) for path in one.rglob(f"{name}.snapshots/*")) == sorted(
            path.relative_to(other) for path in other.rglob(f"{name}.snapshots/*")
        )


def counts(report: Report) -> tuple[object, ...]:
    """All of a report that does not depend on speed."""
    media = float(np.round(report.media_seconds, 3))
    return (report.input, report.frames, media, report.statuses, report.violations, report.error)
