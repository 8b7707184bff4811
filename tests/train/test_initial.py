"""Where training starts from; the downloads are stand-ins."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

from maskcam.errors import ConfigError, MaskcamError, WeightsError
from maskcam.networks import CLASSIFIERS, build_network
from train.initial import head_parameters, load_initial


def make(architecture: str, *, classes: int = 3, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(architecture, classes=classes, input_size=32)


def copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """Names of the parameters that are no longer what they were."""
    return {name for name, tensor in network.named_parameters() if not torch.equal(tensor, before[name])}


def in_head(name: str) -> bool:
    return name.startswith(("classifier.", "fc."))


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """A file with a MobileNetV2's features and no head, as in the ImageNet features at hand."""
    tensors = {name: t for name, t in make("mobilenet_v2", seed=1).state_dict().items() if not in_head(name)}
    path = tmp_path / "body.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishes random networks of 1000 classes in the place of ImageNet's."""

    def published(weights: models.WeightsEnum, **_: object) -> dict[str, Tensor]:
        torch.manual_seed(1)
        name = type(weights).__name__.removesuffix("_Weights").lower()
        network: nn.Module = models.get_model(name, weights=None)
        return network.state_dict()

    create = timm.create_model

    def created(name: str, *, pretrained: bool, **options: Any) -> nn.Module:
        torch.manual_seed(1 if pretrained else 0)
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", published)
    monkeypatch.setattr(timm, "create_model", created)


@pytest.mark.parametrize("source", [None, "random"])
def test_random_changes_nothing(source: Any) -> None:
    network = make("mobilenet_v2")
    before = copied(network)
    load_initial(network, "mobilenet_v2", source)
    assert not changed(network, before)


@pytest.mark.parametrize("architecture", [name for name in CLASSIFIERS if not name.startswith("cnn")])
@pytest.mark.usefixtures("downloads")
def test_imagenet_gives_the_body_and_leaves_the_head(architecture: str) -> None:
    network = make(architecture)
    before = copied(network)
    load_initial(network, architecture, "imagenet")
    names = changed(network, before)
    assert not any(in_head(name) for name in names)
    kernels = {name for name, p in network.named_parameters() if p.ndim == 4}
    assert kernels <= names


@pytest.mark.parametrize("architecture", ["cnn1", "cnn2"])
def test_hand_made_networks_have_no_imagenet_weights(architecture: str) -> None:
    with pytest.raises(ConfigError, match=f'{architecture} has no ImageNet weights; use init = "random"'):
        load_initial(make(architecture), architecture, "imagenet")


@pytest.mark.parametrize(
    "failure", [URLError("no route to host"), RuntimeError("invalid hash value"), TimeoutError("timed out")]
)
@pytest.mark.parametrize("architecture", ["resnet18", "xception"])
def test_a_failed_download_asks_for_a_file(
    architecture: str, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make(architecture)

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", fail)
    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(MaskcamError, match=f"ImageNet weights of {architecture} .*give a local safetensors"):
        load_initial(network, architecture, "imagenet")


def test_a_file_gives_the_body(body: Path) -> None:
    network = make("mobilenet_v2")
    before = copied(network)
    load_initial(network, "mobilenet_v2", body)
    names = changed(network, before)
    assert "features.0.0.weight" in names
    assert not any(in_head(name) for name in names)


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_a_file_with_a_head_gives_all(architecture: str, tmp_path: Path) -> None:
    other = make(architecture, seed=1)
    save_file(other.state_dict(), tmp_path / "all.safetensors")
    network = make(architecture)
    load_initial(network, architecture, tmp_path / "all.safetensors")
    assert not changed(network, other.state_dict())


def test_a_file_of_another_network_is_refused(body: Path) -> None:
    with pytest.raises(WeightsError, match=r"body\.safetensors does not fit resnet18: \d+ unknown"):
        load_initial(make("resnet18"), "resnet18", body)


def test_a_file_that_lacks_more_than_the_head_is_refused(tmp_path: Path) -> None:
    tensors = make("mobilenet_v2").state_dict()
    del tensors["features.0.0.weight"]
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(WeightsError, match="0 unknown tensors, and 1 missing"):
        load_initial(make("mobilenet_v2"), "mobilenet_v2", tmp_path / "part.safetensors")


def test_a_head_for_other_classes_is_refused_in_one_sentence(tmp_path: Path) -> None:
    save_file(make("mobilenet_v2", classes=2).state_dict(), tmp_path / "two.safetensors")
    with pytest.raises(WeightsError, match=r"size mismatch for classifier\.1") as caught:
        load_initial(make("mobilenet_v2"), "mobilenet_v2", tmp_path / "two.safetensors")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot read initial weights .*nowhere"):
        load_initial(make("mobilenet_v2"), "mobilenet_v2", tmp_path / "nowhere.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match=r"cannot read initial weights .*broken"):
        load_initial(make("mobilenet_v2"), "mobilenet_v2", tmp_path / "broken.safetensors")


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_with_a_frozen_body_only_the_head_learns(architecture: str) -> None:
    network = make(architecture).eval()
    before = copied(network)
    head = head_parameters(network, architecture)
    network.requires_grad_(False)
    for parameter in head:
        parameter.requires_grad_(True)
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    torch.optim.SGD(head, lr=1.0).step()
    names = changed(network, before)
    assert names
    assert all(in_head(name) for name in names)
