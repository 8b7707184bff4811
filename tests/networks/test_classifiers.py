"""What every classifier network promises, and that each is as large as the study says."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskcam.errors import MissingLibraryError
from maskcam.networks import CLASSIFIERS, build_network
from maskcam.weights import load_weights
from train.initial import head_parameters
from train.ship import round_to_half, ship

# The study's input size and millions of parameters
STUDY = {
    "cnn1": (224, 6.5),
    "cnn2": (256, 19.4),
    "efficientnet_b0": (224, 4.0),
    "mnasnet": (224, 3.1),
    "mobilenet_v2": (224, 2.2),
    "resnet18": (224, 11.2),
    "xception": (224, 22.3),
}

SIZE = 48

every_classifier = pytest.mark.parametrize("architecture", CLASSIFIERS)


def make(architecture: str, *, input_size: int = SIZE) -> nn.Module:
    torch.manual_seed(0)
    return build_network(architecture, classes=3, input_size=input_size)


def crops(count: int = 2, *, size: int = SIZE) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def settled(architecture: str) -> nn.Module:
    """A network in evaluation mode whose batch norms have seen some crops, so that its logits have a scale."""
    network = make(architecture).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network(crops(8))
    return network.eval()


@every_classifier
def test_is_as_large_as_the_study_says(architecture: str) -> None:
    size, millions = STUDY[architecture]
    with torch.device("meta"):
        network = make(architecture, input_size=size)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(millions * 1e6, rel=0.02)


@every_classifier
@pytest.mark.parametrize("size", [32, 61])
def test_takes_the_input_size_it_was_built_for(architecture: str, size: int) -> None:
    network = make(architecture, input_size=size).eval()
    with torch.inference_mode():
        assert network(crops(1, size=size)).shape == (1, 3)


@every_classifier
def test_every_parameter_gets_a_finite_gradient(architecture: str) -> None:
    network = make(architecture).train()
    F.cross_entropy(network(crops(4)), torch.tensor([0, 1, 2, 0])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@every_classifier
def test_the_layout_in_memory_makes_no_difference(architecture: str) -> None:
    network = settled(architecture)
    with torch.inference_mode():
        contiguous = network(crops())
        network.to(memory_format=torch.channels_last)
        channels_last = network(crops().contiguous(memory_format=torch.channels_last))
    # other kernels add up in another order
    torch.testing.assert_close(channels_last, contiguous, atol=1e-3, rtol=1e-3)


@every_classifier
@pytest.mark.parametrize("training", [False, True])
def test_works_in_bfloat16(architecture: str, training: bool) -> None:
    network = make(architecture).to(memory_format=torch.channels_last).train(training)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        logits = network(crops().contiguous(memory_format=torch.channels_last))
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()


@every_classifier
def test_the_head_is_a_part_of_the_network(architecture: str) -> None:
    network = make(architecture)
    head = {id(p) for p in head_parameters(network, architecture)}
    everything = [id(p) for p in network.parameters()]
    assert head
    assert head < set(everything)
    assert everything[-1] in head


@every_classifier
def test_comes_back_from_a_shipped_file(architecture: str, tmp_path: Path) -> None:
    network = settled(architecture)
    path = tmp_path / f"{architecture}.safetensors"
    ship(
        network,
        path,
        task="classifier",
        architecture=architecture,
        classes=("mask", "no_mask", "incorrect"),
        input_size=SIZE,
        channel_order="RGB",
        mean=(0, 0, 0),
        std=(255, 255, 255),
        crop_margin=0.2,
        training_data="none",
        protocol="random weights",
        metrics={},
        command="tests",
    )
    _, loaded = load_weights(path, architectures=CLASSIFIERS)
    round_to_half(network)
    with torch.inference_mode():
        assert torch.equal(loaded(crops()), network(crops()))


@pytest.mark.parametrize(("architecture", "smallest"), [("cnn1", 8), ("cnn2", 22)])
def test_crops_that_pool_to_nothing_are_refused(architecture: str, smallest: int) -> None:
    assert make(architecture, input_size=smallest).eval()(crops(size=smallest)).shape == (2, 3)
    with pytest.raises(ValueError, match=f"at least {smallest} px, got {smallest - 1}"):
        make(architecture, input_size=smallest - 1)


def test_batch_norms_follow_the_data_within_a_short_training() -> None:
    for architecture in CLASSIFIERS:
        for module in make(architecture).modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                assert module.momentum == pytest.approx(0.1), architecture


def test_unknown_architecture() -> None:
    with pytest.raises(ValueError, match=r"cnn1, .*mobilenet_v2.*got 'vgg'"):
        make("vgg")


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingLibraryError, match=r"timm.*pip install 'maskcam\[xception\]'"):
        make("xception")
