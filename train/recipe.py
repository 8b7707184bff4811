"""Training recipes: one TOML file says everything a run depends on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maskcam.errors import ConfigError
from maskcam.types import MaskStatus
from train.faces import FaceSet, Protocol

Recipe = TypeVar("Recipe", bound=BaseModel)


class FaceData(FaceSet):
    """Labelled faces to fit on, and how much of an epoch they make up."""

    share: dict[MaskStatus, float] = Field(
        {},
        description="part of each epoch drawn from this class; without any share all pictures come up once",
    )
    drawn_share: dict[MaskStatus, float] = Field(
        {}, description="part of each epoch taken from its bare faces with masks drawn on, worn like this"
    )
    covered_share: dict[MaskStatus, float] = Field(
        {},
        description="part of each epoch taken from its faces of this status with hands, beards, scarves, cups and "
        "microphones drawn before them, which change nothing",
    )

    @model_validator(mode="after")
    def _drawable(self) -> FaceData:
        if not set(self.covered_share) <= {MaskStatus.MASK, MaskStatus.NO_MASK}:
            raise ValueError(
                "covered_share takes `mask` and `no_mask`: a cover may hide how a mask is worn wrong"
            )
        if not set(self.drawn_share) <= {MaskStatus.MASK, MaskStatus.INCORRECT}:
            raise ValueError("drawn_share takes `mask` and `incorrect`: no other mask can be drawn")
        return self


class StudyRow(BaseModel):
    """The row of the study that a recipe repeats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str = Field(description="as the study calls it")
    weights: Literal["random", "ImageNet"]
    reported_f1: float = Field(gt=0, le=100, description="percent")
    input_size: int = Field(description="the study's, pixels: a run with less says so")
    epochs: int | None = Field(None, description="the study's, where it names them")


class LoopSettings(BaseModel):
    """What the training loop needs to know, whatever it trains."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, description="peak of the one-cycle schedule, or the first one")
    schedule: Literal["one_cycle", "constant", "plateau"] = Field(
        "one_cycle", description="plateau: a tenth after two epochs without a lower validation loss"
    )
    warm_up: float = Field(0.1, gt=0, lt=1, description="part of the one-cycle schedule that rises")
    weight_decay: float = Field(0.02, ge=0)
    gradient_clip: float | None = Field(None, gt=0, description="greatest norm of the gradient")
    average_decay: float = Field(0.998, ge=0, lt=1, description="of the average of weights; 0: the last ones")
    frozen_epochs: int = Field(0, ge=0, description="epochs at the start in which only the head learns")
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a lower validation loss, and keep the best"
    )
    evaluate_every: int = Field(1, ge=1, description="epochs")
    precision: Literal["32-true", "bf16-mixed"] = Field(
        "bf16-mixed", description="on CPUs with AMX bf16 is almost three times as fast as 32 bits"
    )
    seed: int = 0

    @model_validator(mode="after")
    def _monitored(self) -> LoopSettings:
        if self.evaluate_every > 1 and (self.patience is not None or self.schedule == "plateau"):
            raise ValueError("patience and the plateau schedule need evaluate_every = 1")
        return self


class ClassifierRecipe(LoopSettings):
    """Training of a mask classifier."""

    architecture: str
    classes: tuple[MaskStatus, ...]
    init: Literal["random", "imagenet"] | Path = Field(
        "random", description="imagenet: as torchvision or timm publish them; or safetensors with the body"
    )
    detector: Path | None = Field(
        None,
        description="weights of a face detector: faces of scenes are then cut by the boxes that it finds, too, in "
        "training as in validation",
    )
    landmark_weights: Path | None = Field(None, description="YuNet safetensors, to draw on faces")
    input_size: int = Field(128, ge=32, description="side of the crop, pixels")
    crop_margin: float = Field(0.2, ge=0, description="see maskcam.crops.CropSpec")
    augment: Literal["camera", "study"] = Field(
        "camera", description="study: whole pictures, mirrored and turned by up to 10 degrees"
    )
    data: tuple[FaceData, ...] = Field(min_length=1)
    validation: FaceSet = Field(description="to choose on")
    tests: dict[str, FaceSet] = Field({}, description="to report on, by name")
    folds: int | None = Field(
        None, ge=2, description="cross-validate: as many trainings, each without one fold"
    )
    samples_per_epoch: int | None = Field(None, ge=1, description="with shares; else all pictures")
    batch_size: int = Field(64, ge=2)
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    warm_up: float = Field(0.15, gt=0, lt=1, description="part of the one-cycle schedule that rises")
    study: StudyRow | None = None

    @model_validator(mode="after")
    def _shares(self) -> ClassifierRecipe:
        shared = [bool(data.share or data.drawn_share or data.covered_share) for data in self.data]
        if any(shared) != all(shared) or all(shared) != (self.samples_per_epoch is not None):
            raise ValueError("samples_per_epoch and a share of every data set go together")
        drawn = any(data.drawn_share or data.covered_share for data in self.data)
        if drawn and self.landmark_weights is None:
            raise ValueError(
                "drawn_share and covered_share draw by landmarks of the face: landmark_weights is needed"
            )
        return self


class DetectorRecipe(LoopSettings):
    """Fine-tuning of a YuNet detector."""

    architecture: Literal["yunet_n", "yunet_l"] = "yunet_n"
    train: Path = Field(description="COCO file of scenes to fit on")
    validation: Path = Field(description="COCO file of scenes to choose on")
    test: Path | None = Field(None, description="COCO file to report on")
    initial_weights: Path = Field(description="safetensors with the published weights of YuNet-n")
    input_size: int = Field(512, ge=64, multiple_of=32, description="side of the windows, pixels")
    evaluation_size: int = Field(640, ge=64, description="longest side at zoom 1, and on validation")
    zoom: tuple[float, float] = Field((0.6, 2.2), description="least and greatest scale of a picture")
    batch_size: int = Field(16, ge=1)
    weight_decay: float = Field(1e-4, ge=0)
    gradient_clip: float | None = Field(10.0, gt=0)
    evaluate_every: int = Field(2, ge=1, description="epochs")


def read_recipe(
    path: Path, kind: type[Recipe], *, changes: Sequence[str] = (), protocol: Protocol | None = None
) -> Recipe:
    """Reads a recipe; paths in it are relative to the working directory.

    Args:
        path: the TOML file.
        kind: of recipe.
        changes: `NAME=VALUE` settings that replace the file's, the value in TOML or a plain text; nothing after the
            `=` takes a setting away.
        protocol: replaces the protocol of all parts of the study's data.

    Raises:
        ConfigError: no such file, not TOML, or a setting is unknown or out of range.
    """
    try:
        settings = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read recipe {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise ConfigError(f"a change of the recipe must be NAME=VALUE, got {change!r}")
        if value:
            settings[name] = _toml_value(value)
        else:
            settings.pop(name, None)
    if protocol is not None:
        for faces in _face_sets(settings):
            if "kaggle" in faces:
                faces["protocol"] = protocol
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(f"recipe {path}: {where}: {first['msg']}") from error


def _toml_value(text: str) -> Any:  # noqa: ANN401  # whatever TOML holds
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _face_sets(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from settings.get("data", [])
    yield settings.get("validation", {})
    yield from settings.get("tests", {}).values()
