"""What a classifier knows before it is trained, and which part of it is its head."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from maskcam.errors import ConfigError, MaskcamError, WeightsError

_HEADS = {
    "cnn1": "classifier",
    "cnn2": "classifier",
    "efficientnet_b0": "classifier",
    "mnasnet": "classifier",
    "mobilenet_v2": "classifier",
    "resnet18": "fc",
    "xception": "fc",
}
"""The module of each network that turns features into logits."""

_TORCHVISION = {
    "efficientnet_b0": "efficientnet_b0",
    "mnasnet": "mnasnet1_0",
    "mobilenet_v2": "mobilenet_v2",
    "resnet18": "resnet18",
}
"""Torchvision's names of the networks whose published weights are its own."""

Rgb = tuple[float, float, float]

_IMAGENET: tuple[Rgb, Rgb] = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_XCEPTION: tuple[Rgb, Rgb] = ((127.5,) * 3, (127.5,) * 3)


def normalisation(architecture: str) -> tuple[Rgb, Rgb]:
    """Mean and standard deviation, RGB in 0..255, as the published weights of an architecture were trained with."""
    return _XCEPTION if architecture == "xception" else _IMAGENET


def load_initial(
    network: nn.Module, architecture: str, source: Literal["random", "imagenet"] | Path | None
) -> None:
    """Gives a new network the weights that training starts from.

    Args:
        network: changed in place.
        architecture: its name, one of `maskcam.networks.CLASSIFIERS`.
        source: a safetensors file with the network's body, and with its head where that is to be kept too;
            "imagenet" downloads the published body and leaves the head random; "random" and None change nothing.

    Raises:
        ConfigError: "imagenet" for an architecture that was never trained on it.
        WeightsError: the file cannot be read or does not fit the network.
        MaskcamError: the download failed.
    """
    if source is None or source == "random":
        return
    if source == "imagenet":
        _load_body(network, architecture, _imagenet(architecture), name="what was downloaded")
        return
    try:
        tensors = load_file(source)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read initial weights {source}: {error}") from error
    _load_body(network, architecture, tensors, name=str(source))


def head_parameters(network: nn.Module, architecture: str) -> list[nn.Parameter]:
    """The parameters to train while the body is frozen.

    Args:
        network: of that architecture.
        architecture: one of `maskcam.networks.CLASSIFIERS`.
    """
    return list(network.get_submodule(_HEADS[architecture]).parameters())


def _load_body(network: nn.Module, architecture: str, tensors: dict[str, Tensor], *, name: str) -> None:
    """Loads all tensors into the network; only its head may be missing among them."""
    try:
        missing, unknown = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # PyTorch's word for tensors of another shape, one per line
        raise WeightsError(
            f"{name} does not fit {architecture}: {str(error).splitlines()[-1].strip()}"
        ) from error
    missing = [tensor for tensor in missing if not tensor.startswith(f"{_HEADS[architecture]}.")]
    if missing or unknown:
        raise WeightsError(
            f"{name} does not fit {architecture}: {len(unknown)} unknown tensors, "
            f"and {len(missing)} missing besides the head's"
        )


def _imagenet(architecture: str) -> dict[str, Tensor]:
    """The published body of a network, downloaded or from the cache of an earlier download."""
    if architecture not in _TORCHVISION and architecture != "xception":
        raise ConfigError(f'{architecture} has no ImageNet weights; use init = "random" or a file')
    try:
        tensors = _timm_xception() if architecture == "xception" else _torchvision(architecture)
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: a wrong checksum
        raise MaskcamError(
            f"cannot download the ImageNet weights of {architecture} ({error}): "
            "give a local safetensors file with the network's body instead"
        ) from error
    head = f"{_HEADS[architecture]}."
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(head)}


def _torchvision(architecture: str) -> dict[str, Tensor]:
    from torchvision import models

    # the first version: it exists of every network, and was trained as in the papers
    weights = models.get_model_weights(_TORCHVISION[architecture])["IMAGENET1K_V1"]
    tensors: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    return tensors


def _timm_xception() -> dict[str, Tensor]:
    import timm

    return timm.create_model("legacy_xception", pretrained=True, num_classes=0).state_dict()
