"""Weights files and the model cards beside them.

`NAME.safetensors` holds the tensors, `NAME.json` everything else that is needed to use them and to trust them.
A card that does not match its file is an error. Networks that `maskcam export` wrote have a card as well, beside them
or, in an ONNX file, inside.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maskcam.errors import WeightsError
from maskcam.networks import CLASSIFIERS, DETECTORS, build_network
from maskcam.onnx_metadata import CARD_KEY, read_metadata
from maskcam.types import MaskStatus

if TYPE_CHECKING:
    from torch import nn

DEFAULT_CLASSIFIER = "mobilenet_v2"
DEFAULT_DETECTOR = "yunet_n"

EXPORTED = (".onnx", ".xml", ".torchscript", ".pt2", ".engine")
"""Endings of what `maskcam export` writes: ONNX, OpenVINO, TorchScript, exported programs and engines of TensorRT."""


class ModelCard(BaseModel):
    """What a weights file is, how to feed it, how good it is and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    task: Literal["classifier", "detector"]
    architecture: str
    classes: tuple[str, ...] = Field(description="outputs in order; `mask`, `no_mask`, `incorrect` or `face`")
    input_size: int = Field(
        ge=16, description="side of a classifier's crop, or longest side of a detector's input"
    )
    channel_order: Literal["RGB", "BGR"]
    mean: tuple[float, float, float] = Field(description="subtracted from pixels in 0..255")
    std: tuple[float, float, float] = Field(description="then divided by")
    crop_margin: float | None = Field(None, description="see maskcam.crops.CropSpec; None for a detector")
    temperature: float = Field(1.0, gt=0, description="logits are divided by it")
    class_bias: tuple[float, ...] | None = Field(
        None, description="added to the logits after the temperature: the decision thresholds, chosen on val"
    )
    unsure_below: float = Field(
        0.0, ge=0, le=1, description="a likeliest class under it is reported as unsure"
    )
    parameters: int
    sha256: str
    licence: str
    training_data: str
    protocol: str
    metrics: dict[str, dict[str, Any]] = Field(description="per test set")
    command: str = Field(description="made these weights")

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if self.task == "classifier":
            known = {status.value for status in MaskStatus} - {MaskStatus.UNSURE.value}
            if self.architecture not in CLASSIFIERS:
                raise ValueError(
                    f"architecture must be one of {', '.join(CLASSIFIERS)}, got {self.architecture!r}"
                )
            if (
                not set(self.classes) <= known
                or len(set(self.classes)) != len(self.classes)
                or len(self.classes) < 2
            ):
                raise ValueError(
                    f"classes must be two or three of {', '.join(sorted(known))}, got {self.classes}"
                )
            if self.crop_margin is None:
                raise ValueError("a classifier needs crop_margin")
            if self.class_bias is not None and len(self.class_bias) != len(self.classes):
                raise ValueError("class_bias needs one number per class")
        elif self.architecture not in DETECTORS:
            raise ValueError(f"architecture must be one of {', '.join(DETECTORS)}, got {self.architecture!r}")
        return self


def shipped_weights(name: str) -> Path:
    """Path of weights that come with maskcam, from a wheel or from a checkout."""
    return weights_directory() / f"{name}.safetensors"


def weights_directory() -> Path:
    """Folder of the shipped weights: inside the installed package, or `weights/` of a checkout."""
    packaged = Path(str(resources.files("maskcam"))) / "_weights"
    return packaged if packaged.is_dir() else packaged.parent.parent / "weights"


def card_beside(weights: Path) -> Path:
    """Where the card of a weights file lies: `NAME.json`, or `NAME.xml.json` and the like for an exported one."""
    return weights.with_suffix(".json" if weights.suffix == ".safetensors" else f"{weights.suffix}.json")


def read_card(weights: Path) -> ModelCard:
    """Reads the model card of a weights file: beside it, or inside an ONNX file.

    Raises:
        WeightsError: the weights or the card are missing, or the card is not valid.
    """
    if weights.suffix not in (".safetensors", *EXPORTED):
        raise WeightsError(
            f"weights must be a .safetensors file with its .json card beside it, or a file of `maskcam export` "
            f"({', '.join(EXPORTED)}), got {weights}"
        )
    if not weights.is_file():
        raise WeightsError(f"no weights file at {weights}; `maskcam models` lists the ones at hand")
    if weights.suffix == ".onnx":
        return _parse_card(_card_inside(weights), where=f"inside {weights}")
    card = card_beside(weights)
    if not card.is_file():
        raise WeightsError(f"{weights} has no model card: expected {card.name} beside it")
    return _parse_card(card.read_bytes(), where=str(card))


def _parse_card(text: str | bytes, *, where: str) -> ModelCard:
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise WeightsError(f"model card {where} is not valid: {field}: {first['msg']}") from error


def _card_inside(network: Path) -> str:
    try:
        entries = read_metadata(network.read_bytes())
    except (ValueError, KeyError) as error:
        raise WeightsError(f"{network} is no whole ONNX file ({error}): copy or export it again") from error
    if CARD_KEY not in entries:
        raise WeightsError(
            f"{network} has no model card inside: export it with `maskcam export`, which puts it there"
        )
    return entries[CARD_KEY]


def check_architecture(weights: Path, card: ModelCard, *, architectures: tuple[str, ...]) -> None:
    """Raises WeightsError unless the card is of one of the architectures that the caller can use."""
    if card.architecture not in architectures:
        allowed = ", ".join(architectures)
        raise WeightsError(f"{weights} holds a {card.architecture}; needed here is one of: {allowed}")


def read_checked(weights: Path, card: ModelCard) -> bytes:
    """The content of the file that a card is of.

    Args:
        weights: the file; of the two files of an OpenVINO network the `.bin`.
        card: of that file.

    Raises:
        WeightsError: its checksum is not the one in the card.
    """
    data = weights.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.sha256:
        raise WeightsError(
            f"{weights} has SHA-256 {digest[:12]}..., its card says {card.sha256[:12]}...: "
            "one of the two is damaged or from another version; copy both again"
        )
    return data


def load_weights(weights: Path, *, architectures: tuple[str, ...]) -> tuple[ModelCard, nn.Module]:
    """Reads a card, checks its file against it and builds the network in PyTorch.

    Args:
        weights: the `.safetensors` file.
        architectures: those that the caller can use.

    Returns:
        The card, and the network in evaluation mode on the CPU, in float32.

    Raises:
        WeightsError: see `read_card`; also a wrong checksum, an architecture the caller cannot use, or tensors or an
            input size that do not fit it.
        MissingLibraryError: the architecture comes from a package that is not installed.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = read_card(weights)
    if weights.suffix != ".safetensors":
        raise WeightsError(
            f"{weights} cannot be changed any more: start from the .safetensors file it was made of"
        )
    check_architecture(weights, card, architectures=architectures)
    data = read_checked(weights, card)
    try:
        network = build_network(card.architecture, classes=len(card.classes), input_size=card.input_size)
        network.load_state_dict({name: tensor.float() for name, tensor in load(data).items()})
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{weights} does not hold the tensors of a {card.architecture}: {error}"
        ) from error
    return card, network.eval()
