import json
from pathlib import Path

import numpy as np
import pytest
import torch

from maskcam.config_sections import ClassifierConfig
from maskcam.errors import WeightsError
from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.weights import load_weights, read_card, shipped_weights, weights_directory
from tests.cards import ship_random_classifier


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return ship_random_classifier(tmp_path / "small.safetensors")


def change_card(weights: Path, **changes: object) -> None:
    card = weights.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


def test_what_was_shipped_comes_back(weights: Path) -> None:
    card, network = load_weights(weights, architectures=CLASSIFIERS)
    assert card.name == "small"
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert not network.training
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    assert all(p.dtype == torch.float32 for p in network.parameters())


def test_missing_file_and_missing_card(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights file at .*nowhere"):
        read_card(tmp_path / "nowhere.safetensors")
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"no model card: expected small\.json"):
        read_card(weights)


def test_pickles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"\.safetensors"):
        read_card(tmp_path / "model.pt")


def test_one_changed_byte_is_noticed(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_weights(weights, architectures=CLASSIFIERS)


def test_truncated_weights_are_noticed(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="SHA-256"):
        load_weights(weights, architectures=CLASSIFIERS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "vgg"}, "vgg"),
        ({"classes": ["mask", "scarf"]}, "classes"),
        ({"classes": ["mask"]}, "classes"),
        ({"crop_margin": None}, "crop_margin"),
        ({"class_bias": [0.1]}, "class_bias"),
        ({"temperature": 0}, "temperature"),
        ({"surprise": 1}, "surprise"),
        ({"input_size": "big"}, "input_size"),
    ],
)
def test_a_wrong_card_is_one_sentence(weights: Path, changes: dict[str, object], words: str) -> None:
    change_card(weights, **changes)
    with pytest.raises(WeightsError, match=words) as caught:
        read_card(weights)
    assert "\n" not in str(caught.value)


def test_card_that_is_no_json(weights: Path) -> None:
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(WeightsError, match="not valid"):
        read_card(weights)


def test_tensors_of_another_network(weights: Path) -> None:
    change_card(weights, classes=["mask", "no_mask"])
    with pytest.raises(WeightsError, match="does not hold the tensors"):
        load_weights(weights, architectures=CLASSIFIERS)


def test_an_input_size_too_small_for_the_network(weights: Path) -> None:
    change_card(weights, architecture="cnn2", input_size=16)
    with pytest.raises(WeightsError, match="at least 22 px, got 16"):
        load_weights(weights, architectures=CLASSIFIERS)


def test_a_classifier_is_no_detector(weights: Path) -> None:
    with pytest.raises(WeightsError, match="yunet_n"):
        load_weights(weights, architectures=DETECTORS)


def test_shipped_weights_are_whole_and_small() -> None:
    files = sorted(weights_directory().glob("*.safetensors"))
    assert shipped_weights("mobilenet_v2") in files
    assert shipped_weights("yunet_n") in files
    for file in files:
        card, _ = load_weights(file, architectures=CLASSIFIERS + DETECTORS)
        assert card.metrics, f"{file.name} must say how good it is"
        assert file.stat().st_size < 20 * 2**20


CLASSIFIER_FILES = [
    file for file in sorted(weights_directory().glob("*.safetensors")) if read_card(file).task == "classifier"
]


@pytest.mark.parametrize("file", CLASSIFIER_FILES, ids=lambda file: file.stem)
def test_any_trained_variant_judges_without_another_setting(file: Path) -> None:
    with ClassifierConfig(weights=file).build(device="cpu") as classifier:
        crops = np.full((2, classifier.crop.size, classifier.crop.size, 3), 90, np.uint8)
        verdicts = classifier.classify(crops)
    assert [len(verdict.probabilities) for verdict in verdicts] == [len(read_card(file).classes)] * 2
