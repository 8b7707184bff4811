from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from maskcam.classifiers.torch import TorchClassifier, second_view
from maskcam.errors import WeightsError
from maskcam.types import MaskStatus
from maskcam.weights import ModelCard, read_card, shipped_weights
from tests.cards import ship_random_classifier

CPU = torch.device("cpu")


class ChannelMeans(nn.Module):
    """Logits are the means of the input channels: shows what reaches a network."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return read_card(ship_random_classifier(tmp_path / "a.safetensors"))


def red_crop() -> np.ndarray:
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[..., 2] = 255  # BGR
    return crop


def test_networks_get_normalised_rgb(card: ModelCard) -> None:
    plain = card.model_copy(update={"mean": (0, 0, 0), "std": (255, 255, 255)})
    (verdict,) = TorchClassifier(ChannelMeans(), plain, device=CPU).classify(red_crop())
    expected = torch.tensor([1.0, 0.0, 0.0]).softmax(0).tolist()
    assert list(verdict.probabilities.values()) == pytest.approx(expected)
    assert verdict.status is MaskStatus.MASK


class LeftPixels(nn.Module):
    """Logits are the colours of the left half."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : x.shape[3] // 2].mean((2, 3))


def test_twice_judges_both_sides(card: ModelCard) -> None:
    plain = card.model_copy(update={"mean": (0, 0, 0), "std": (255, 255, 255)})
    crop = red_crop()
    crop[:, :, 32:] = 0
    (once,) = TorchClassifier(LeftPixels(), plain, device=CPU).classify(crop)
    (both,) = TorchClassifier(LeftPixels(), plain, device=CPU, twice=True).classify(crop)
    expected = (torch.tensor([1.0, 0.0, 0.0]).softmax(0) + torch.full((3,), 1 / 3)) / 2
    # the enlarged second view blends the two columns that meet in the middle
    assert list(both.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-3)
    assert both.confidence < once.confidence


def test_the_second_view_is_mirrored_and_closer() -> None:
    columns = torch.arange(64.0).expand(1, 3, 64, 64)
    seen = second_view(columns)[0, 0, 0]
    assert seen.shape == (64,)
    assert seen[0] == pytest.approx(60, abs=0.5)  # the margin of 3 columns on either side is gone
    assert seen[-1] == pytest.approx(3, abs=0.5)


def test_temperature_bias_and_threshold_of_the_card(card: ModelCard) -> None:
    changes = {"mean": (0, 0, 0), "std": (255, 255, 255), "temperature": 0.5, "class_bias": (0.0, 0.0, 3.0)}
    tuned = card.model_copy(update={**changes, "unsure_below": 0.9})
    (verdict,) = TorchClassifier(ChannelMeans(), tuned, device=CPU).classify(red_crop())
    expected = torch.tensor([2.0, 0.0, 3.0]).softmax(0).tolist()
    assert list(verdict.probabilities.values()) == pytest.approx(expected)
    assert verdict.likeliest is MaskStatus.INCORRECT
    assert verdict.status is MaskStatus.UNSURE


def test_a_binary_variant_runs_without_further_ado(tmp_path: Path) -> None:
    weights = ship_random_classifier(tmp_path / "binary.safetensors", classes=("no_mask", "mask"))
    with TorchClassifier.from_weights(weights, device=CPU) as classifier:
        (verdict,) = classifier.classify(red_crop())
    assert list(verdict.probabilities) == [MaskStatus.NO_MASK, MaskStatus.MASK]


def test_batch_equals_one_by_one_and_crowds_go_in_parts(tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (300, 64, 64, 3), np.uint8)
    weights = ship_random_classifier(tmp_path / "a.safetensors")
    with TorchClassifier.from_weights(weights, device=CPU) as classifier:
        together = classifier.classify(crops)
        alone = classifier.classify(crops[299:])
    assert len(together) == 300
    # float32 sums in another order: far below what any threshold sees
    assert together[299].confidence == pytest.approx(alone[0].confidence, abs=1e-4)


def test_a_detector_is_refused() -> None:
    with pytest.raises(WeightsError, match="needed here is one of: cnn1"):
        TorchClassifier.from_weights(shipped_weights("yunet_n"), device=CPU)
