"""What is known of a classifier on one test set, and the two files it is kept in.

`NAME.json` holds the figures (`Evaluation`); `NAME.npz` the probabilities and labels behind them, and the crops of the
worst mistakes, for plots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskcam.errors import InputError, OutputError
from maskcam.types import Image, MaskStatus
from train.bootstrap import Interval, draws, intervals, mean_interval
from train.faces import FaceSet
from train.judged import STATUSES, Judged
from train.labelled import LabelledCrops

MISTAKES = 48
"""Most crops kept of an evaluation: as many as fit on a contact sheet that one still looks at."""

FacesOf = Literal["labelled boxes", "whole pictures", "found faces"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Part):
    """Figures on some of the faces; see `train.scores.measure`."""

    faces: int
    figures: dict[str, Interval]


class ScaleAgreement(_Part):
    """Whether a face keeps its status when its box is drawn tighter or looser."""

    faces: int
    every_scale: Interval = Field(description="share of faces with the status of scale 1 at all scales")
    cases: Interval = Field(description="share of pairs of a face and another scale than 1 that keep it")
    by_scale: dict[str, float]


class Evaluation(_Part):
    """A classifier's figures on one test set."""

    name: str
    faces_of: FacesOf
    face_set: FaceSet
    weights: str = Field(description="name on the model card")
    sha256: str
    architecture: str
    input_size: int
    parameters: int
    detector: str | None = Field(None, description="name on the card of the detector that found the faces")
    caution: str | None = Field(None, description="why the figures flatter")
    classes: tuple[MaskStatus, ...]
    labelled: int = Field(description="faces of the set that are large enough")
    pictures: int
    left_out: int = Field(description="judged faces whose label the network has no class for; in no figure")
    confusion: dict[str, dict[str, int]] = Field(description="true status, said status; all judged faces")
    whole: Part
    by_side_px: dict[str, Part]
    by_source: dict[str, Part]
    scale_agreement: ScaleAgreement | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mistakes:
    """Faces judged wrong, the most confident first.

    Attributes:
        crops: (m, S, S, 3) uint8 BGR, at most `MISTAKES`.
        true: (m,) indices into `STATUSES`.
        said: likewise.
        confidence: (m,) float32 in [0, 1].
        names: (m,) texts.
    """

    crops: Image
    true: NDArray[np.int64]
    said: NDArray[np.int64]
    confidence: NDArray[np.float32]
    names: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An evaluation as read from its two files."""

    evaluation: Evaluation
    judged: Judged
    mistakes: Mistakes


def parts(judged: Judged) -> dict[str, Part | dict[str, Part]]:
    """The figures of an `Evaluation`, as a whole and by size and source."""
    known = judged.answerable()
    weights = draws(known.pictures)

    def part(chosen: NDArray[np.bool_]) -> Part:
        return Part(faces=int(chosen.sum()), figures=intervals(known.where(chosen), weights[:, chosen]))

    return {
        "whole": part(np.ones(len(known), np.bool_)),
        "by_side_px": {name: part(band) for name, band in known.bands().items()},
        "by_source": {str(name): part(known.sources == name) for name in np.unique(known.sources)},
    }


def confusion(judged: Judged) -> dict[str, dict[str, int]]:
    """Counts by true and said status; rows of statuses that are not labelled are left out."""
    return {
        STATUSES[number].value: {
            status.value: int(((judged.true == number) & (judged.said == STATUSES.index(status))).sum())
            for status in judged.classes
        }
        for number in np.unique(judged.true)
    }


def scale_agreement(by_scale: dict[float, Judged]) -> ScaleAgreement | None:
    """Compares what was said of the same faces at each scale with what was said at 1; None without faces."""
    reference = by_scale[1.0]
    if not len(reference):
        return None
    same = {scale: judged.said == reference.said for scale, judged in by_scale.items() if scale != 1.0}
    weights = draws(reference.pictures)
    table = np.stack(list(same.values())).astype(np.float64)  # scale, face
    return ScaleAgreement(
        faces=len(reference),
        every_scale=mean_interval(table.min(axis=0), weights),
        cases=mean_interval(table.mean(axis=0), weights),
        by_scale={f"{scale:g}": float(kept.mean()) for scale, kept in same.items()},
    )


def worst_mistakes(judged: Judged, crops: LabelledCrops) -> Mistakes:
    """Picks the most confident of the wrong answers among faces that the network has a class for."""
    can_be_right = np.isin(judged.true, [STATUSES.index(status) for status in judged.classes])
    wrong = np.flatnonzero((judged.said != judged.true) & can_be_right)
    worst = wrong[np.argsort(-judged.confidence[wrong], kind="stable")][:MISTAKES]
    return Mistakes(
        crops=crops.images[worst],
        true=judged.true[worst],
        said=judged.said[worst],
        confidence=judged.confidence[worst],
        names=judged.names[worst],
    )


def write_evaluation(folder: Path, stored: Stored) -> Path:
    """Writes the two files of an evaluation and returns the path of the first.

    Raises:
        OutputError: they cannot be written.
    """
    file = folder / f"{slug(stored.evaluation.name)}.json"
    judged, mistakes = stored.judged, stored.mistakes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(stored.evaluation.model_dump_json(indent=2) + "\n")
        np.savez_compressed(
            file.with_suffix(".npz"),
            classes=np.array([status.value for status in judged.classes]),
            probabilities=judged.probabilities,
            labels=np.array([status.value for status in STATUSES])[judged.true],
            sides_px=judged.sides_px,
            sources=judged.sources,
            names=judged.names,
            mistake_crops=mistakes.crops,
            mistake_true=np.array([status.value for status in STATUSES])[mistakes.true],
            mistake_said=np.array([status.value for status in STATUSES])[mistakes.said],
            mistake_confidence=mistakes.confidence,
            mistake_names=mistakes.names,
        )
    except OSError as error:
        raise OutputError(f"cannot write {file}: {error.strerror}") from error
    return file


def read_evaluation(file: Path) -> Stored:
    """Reads what `write_evaluation` wrote, by the path of the JSON file.

    Raises:
        InputError: one of the two files is missing or was written by another version.
    """
    try:
        evaluation = Evaluation.model_validate_json(file.read_bytes())
        with np.load(file.with_suffix(".npz")) as arrays:
            judged = Judged(
                classes=tuple(MaskStatus(str(name)) for name in arrays["classes"]),
                probabilities=arrays["probabilities"],
                true=_numbers(arrays["labels"]),
                sides_px=arrays["sides_px"],
                sources=arrays["sources"],
                names=arrays["names"],
            )
            mistakes = Mistakes(
                crops=arrays["mistake_crops"],
                true=_numbers(arrays["mistake_true"]),
                said=_numbers(arrays["mistake_said"]),
                confidence=arrays["mistake_confidence"],
                names=arrays["mistake_names"],
            )
    except (OSError, KeyError, ValueError, ValidationError) as error:
        raise InputError(
            f"{file} and the .npz beside it are no evaluation of this version; "
            "make them again with `python -m train evaluate`"
        ) from error
    return Stored(evaluation, judged, mistakes)


def slug(name: str) -> str:
    """A name as part of a file name or an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _numbers(labels: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.array([STATUSES.index(MaskStatus(str(label))) for label in labels], np.int64)
