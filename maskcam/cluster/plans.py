"""What is to be done with a recording, and what of it was done before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from maskcam import __version__
from maskcam.batch import plan_jobs
from maskcam.cluster.base import Tell
from maskcam.cluster.inputs import Inputs, fetch, identity
from maskcam.cluster.outputs import Folder
from maskcam.config import Config
from maskcam.lookout import AFRESH_SECONDS
from maskcam.recorder import Report
from maskcam.sources.file import VideoFileSource, spans_of
from maskcam.sources.spans import Span
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, read_card, shipped_weights

_OF_LOOKS = ("device", "backend", "precision", "detector", "classifier", "economy", "cameras")
"""Sections of the configuration that what is found in frames may depend on."""
_VERY_LONG_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording, or the pictures of one argument; see `maskcam.batch.Job`.

    Attributes:
        name: stem of the outputs, unique within a run.
        files: absolute paths that every node has, or addresses.
        pictures: whether these are pictures.
    """

    name: str
    files: tuple[str, ...]
    pictures: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What holds for all recordings of a run; workers get it whole.

    Attributes:
        config: its paths are those of every node.
        output: where results go.
        cut_from_seconds: recordings that are shorter are not cut; see `worth_cutting`.
    """

    config: Config
    output: Folder
    cut_from_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a recording is worked on.

    Attributes:
        recording: the recording.
        spans: its parts, looked at each by itself; none: it is not cut, and looked at while it is judged.
        frame_count: an estimate; None when unknown.
        looks_key: changes with anything that changes what is found in a frame.
        result_key: changes with anything that changes results.
        known: indices of the parts that have been looked at in an earlier run.
        report: of an earlier run that finished it; None where there is none.
    """

    recording: Recording
    spans: tuple[Span, ...]
    frame_count: int | None
    looks_key: str
    result_key: str
    known: frozenset[int] = frozenset()
    report: Report | None = None

    @property
    def parts_folder(self) -> str:
        """Where looks are saved, within the output folder."""
        return f"{folder_of(self.recording)}/{self.looks_key}"

    def part_file(self, index: int) -> str:
        """The looks of one part, within the output folder."""
        return f"{self.parts_folder}/{index:05d}.npz"

    def frames_of(self, index: int) -> int:
        """How many frames a part has, as far as that is known."""
        ends = [*(span.first_index for span in self.spans[1:]), self.frame_count or 0]
        return max(0, ends[index] - self.spans[index].first_index)

    @property
    def report_file(self) -> str:
        """Is there once the recording is finished, within the output folder."""
        return f"{folder_of(self.recording)}/{self.result_key}.json"


def list_recordings(inputs: Iterable[str]) -> tuple[list[Recording], list[Report]]:
    """As `maskcam.batch.plan_jobs`, of addresses, too."""
    listing = Inputs()
    jobs, failed = plan_jobs(inputs, expand=listing.expand)
    recordings = [
        Recording(job.name, tuple(listing.origins.get(file, str(file)) for file in job.files), job.pictures)
        for job in jobs
    ]
    return recordings, failed


def draw_up(recording: Recording, work: Work, tell: Tell) -> Plan:
    """Finds out how a recording can be cut and what of it is done already.

    Raises:
        MaskcamError: it cannot be read.
    """
    identities = [identity(file) for file in recording.files]
    looks_key = _key(
        [__version__, AFRESH_SECONDS, *identities, *_weights(work.config), *_settings(work.config)]
    )
    result_key = _key([looks_key, work.config.model_dump_json()])
    spans: tuple[Span, ...] = ()
    frame_count: int | None = len(recording.files)
    if not recording.pictures:
        path = fetch(recording.files[0])
        with VideoFileSource(path) as source:  # whether it can be read at all
            frame_count = source.info.frame_count
        spans = spans_of(path, every_seconds=AFRESH_SECONDS)
        if len(spans) * AFRESH_SECONDS < work.cut_from_seconds:
            spans = ()
    plan = Plan(recording, spans if len(spans) > 1 else (), frame_count, looks_key, result_key)
    known = frozenset(i for i in range(len(plan.spans)) if work.output.exists(plan.part_file(i)))
    tell(0)
    return replace(plan, known=known, report=finished(plan, work))


def worth_cutting(videos: int, *, workers: int) -> float:
    """Seconds from which on a recording is to be cut.

    What is cut is decoded twice, so it pays only where workers would have nothing to do otherwise: with fewer
    recordings than workers, and in the end, when all wait for a very long one.
    """
    return 0.0 if videos < workers else _VERY_LONG_SECONDS


def folder_of(recording: Recording) -> str:
    """Where what is known of a recording is kept, within the output folder."""
    return f".parts/{recording.name}"


def finished(plan: Plan, work: Work) -> Report | None:
    """The report of whoever finished the recording, unless somebody has removed what it wrote."""
    text = work.output.read(plan.report_file)
    if text is None:
        return None
    report = Report.from_json(json.loads(text))
    return report if all(work.output.has(path) for path in report.outputs) else None


def _key(values: Sequence[object]) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()[:32]


def _settings(config: Config) -> list[str]:
    dumped = config.model_dump(mode="json", include=set(_OF_LOOKS))
    return [json.dumps(dumped[section], sort_keys=True) for section in _OF_LOOKS]


def check_weights(config: Config) -> None:
    """Tells at once what every task would tell later.

    Raises:
        WeightsError: weights are missing, or their card is.
    """
    for weights in _weights_files(config):
        if weights.suffix != ".tflite":  # which has no card
            read_card(weights)


def _weights_files(config: Config) -> list[Path]:
    return [
        config.detector.weights or shipped_weights(DEFAULT_DETECTOR),
        config.classifier.weights or shipped_weights(DEFAULT_CLASSIFIER),
    ]


def _weights(config: Config) -> list[str]:
    """The SHA-256 of every file with weights."""
    files = _weights_files(config)
    files += [file.with_suffix(".bin") for file in files if file.suffix == ".xml"]  # of OpenVINO
    return [sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]


def absolute_paths(config: Config) -> Config:
    """The same settings with paths that do not depend on the folder that a process runs in."""

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else path.absolute()

    url = config.store.url
    is_file = url is not None and "://" not in url and not url.startswith("${")
    return config.model_copy(
        update={
            "detector": config.detector.model_copy(update={"weights": absolute(config.detector.weights)}),
            "classifier": config.classifier.model_copy(
                update={"weights": absolute(config.classifier.weights)}
            ),
            "store": config.store.model_copy(
                update={
                    "url": str(Path(str(url)).absolute()) if is_file else url,
                    "media": absolute(config.store.media),
                }
            ),
        }
    )
