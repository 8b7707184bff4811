"""Training recipes: one TOML file says everything a run depends on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maskcam.errors import ConfigError
from maskcam.types import MaskStatus

Recipe = TypeVar("Recipe", bound=BaseModel)


class FaceData(BaseModel):
    """Labelled faces to fit on.

    Either `scenes`, a COCO file whose boxes are cut out, or `folder`, with one sub-folder of faces per class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenes: Path | None = None
    folder: Path | None = None
    classes: dict[str, MaskStatus] = Field({}, description="status of each sub-folder")
    minimum_side: float = Field(10, ge=0, description="smaller faces of scenes are left out, pixels")
    share: dict[MaskStatus, float] = Field(
        description="part of each epoch drawn from this class of this data"
    )
    drawn_share: dict[MaskStatus, float] = Field(
        {}, description="part of each epoch taken from its bare faces with masks drawn on, worn like this"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> FaceData:
        if (self.scenes is None) == (self.folder is None):
            raise ValueError("data needs either `scenes` or `folder`")
        if not set(self.drawn_share) <= {MaskStatus.MASK, MaskStatus.INCORRECT}:
            raise ValueError("drawn_share takes `mask` and `incorrect`: no other mask can be drawn")
        return self


class ClassifierRecipe(BaseModel):
    """Training of a mask classifier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    classes: tuple[MaskStatus, ...]
    initial_weights: Path | None = Field(
        None, description="safetensors with the network's body; None: random"
    )
    landmark_weights: Path | None = Field(None, description="YuNet safetensors, for data with drawn_share")
    input_size: int = Field(128, ge=32, description="side of the crop, pixels")
    crop_margin: float = Field(0.2, ge=0, description="see maskcam.crops.CropSpec")
    data: tuple[FaceData, ...]
    validation: Path = Field(description="COCO file of scenes to choose on")
    test_scenes: Path | None = Field(None, description="COCO file to report on")
    test_folder: Path | None = Field(None, description="folder of faces to report on, classes as in the data")
    samples_per_epoch: int = Field(12_000, ge=1)
    epochs: int = Field(ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: float = Field(1e-3, gt=0, description="peak of the one-cycle schedule")
    weight_decay: float = Field(0.02, ge=0)
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    average_decay: float = Field(0.998, ge=0, lt=1)
    bfloat16: bool = Field(True, description="mixed precision")
    seed: int = 0


class DetectorRecipe(BaseModel):
    """Fine-tuning of the YuNet detector."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Path = Field(description="COCO file of scenes to fit on")
    validation: Path = Field(description="COCO file of scenes to choose on")
    initial_weights: Path = Field(description="safetensors with the published weights")
    input_size: int = Field(512, ge=64, multiple_of=32, description="side of the windows, pixels")
    evaluation_size: int = Field(640, ge=64, description="longest side at zoom 1, and on validation")
    zoom: tuple[float, float] = Field((0.6, 2.2), description="least and greatest scale of a picture")
    epochs: int = Field(ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0, description="peak of the one-cycle schedule")
    weight_decay: float = Field(1e-4, ge=0)
    gradient_clip: float = Field(10.0, gt=0)
    average_decay: float = Field(0.998, ge=0, lt=1)
    evaluate_every: int = Field(2, ge=1, description="epochs")
    bfloat16: bool = Field(True, description="mixed precision: on CPUs with AMX almost three times as fast")
    workers: int = Field(0, ge=0, description="processes that make samples; 0 makes them in between")
    seed: int = 0


def read_recipe(path: Path, kind: type[Recipe]) -> Recipe:
    """Reads a recipe; paths in it are relative to the working directory.

    Raises:
        ConfigError: no such file, not TOML, or a setting is unknown or out of range.
    """
    try:
        settings = tomllib.loads(path.read_text())
        return kind.model_validate(settings)
    except OSError as error:
        raise ConfigError(f"cannot read recipe {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"recipe {path}: {where}: {first['msg']}") from error
