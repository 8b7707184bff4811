import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from maskcam.backends import Computing
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.engines.opening import open_engine
from maskcam.errors import ExportError, InputError, OutputError, WeightsError
from maskcam.exporting import files
from maskcam.exporting.files import ENDINGS, compare, export
from maskcam.exporting.onnx import to_onnx
from maskcam.exporting.whole import WholeNetwork, load_whole
from maskcam.networks import CLASSIFIERS, DETECTORS, build_network
from maskcam.types import MaskStatus
from maskcam.weights import ModelCard, card_beside, read_card, shipped_weights
from tests.cards import ship_random_classifier
from tests.shared import portrait

ON_A_CPU = [kind for kind in ENDINGS if kind != "tensorrt"]  # see test_tensorrt.py
CPU = Computing(device="cpu", backend="auto", precision="float32")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return ship_random_classifier(
        tmp_path / "mine.safetensors", architecture="cnn2", class_bias=(0.0, 0.5, 0.0)
    )


@pytest.mark.parametrize("kind", ON_A_CPU)
def test_every_format_judges_like_the_weights(kind: str, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / f"mine{ENDINGS[kind]}"
    done = export(weights, output, kind=kind)
    assert done.files[0] == output
    assert sorted(done.files) == sorted(output.parent.iterdir()), "nothing else is left behind"
    assert done.size_bytes == sum(path.stat().st_size for path in done.files)
    assert done.difference < 1e-5
    assert done.checked_with
    face = np.ascontiguousarray(portrait()[None, 90:154, 180:244])
    with (
        ClassifierConfig(weights=weights).build(device="cpu", backend="torch") as reference,
        ClassifierConfig(weights=output).build(**CPU) as classifier,
    ):
        for crops in (face, np.concatenate([face, face[:, :, ::-1], face[:, ::-1]])):
            for ours, theirs in zip(classifier.classify(crops), reference.classify(crops), strict=True):
                for status in MaskStatus:
                    expected = theirs.probabilities.get(status)
                    assert ours.probabilities.get(status) == (expected and pytest.approx(expected, abs=1e-4))


@pytest.mark.parametrize("kind", ON_A_CPU)
def test_every_format_finds_like_the_weights(kind: str, tmp_path: Path) -> None:
    output = tmp_path / f"yunet{ENDINGS[kind]}"
    export(shipped_weights("yunet_n"), output, kind=kind)
    images = [portrait(), portrait()[:300], portrait()[:, 100:400]]
    with (
        DetectorConfig().build(device="cpu", backend="torch") as reference,
        DetectorConfig(weights=output).build(**CPU) as detector,
    ):
        for ours, theirs in zip(detector.detect(images), reference.detect(images), strict=True):
            assert len(ours) == len(theirs) >= 1
            np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes_xyxy, atol=0.01)  # float noise
            np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_every_architecture_exports(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, classes=2, input_size=64).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as if trained, so that folding them must be right
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    card = read_card(ship_random_classifier(tmp_path / "a.safetensors", classes=("mask", "no_mask")))
    card = card.model_copy(update={"architecture": architecture})
    whole = WholeNetwork(network, card).eval()
    model = tmp_path / "a.onnx"
    model.write_bytes(to_onnx(whole, card))
    assert read_card(model) == card
    for backend in ("openvino", "onnxruntime"):
        _, engine = open_engine(model, architectures=CLASSIFIERS, computing=CPU | {"backend": backend})  # type: ignore[arg-type]
        with engine:
            assert compare(engine, whole, card) < 1e-4  # float noise through up to 70 layers


def test_wider_detectors_export(tmp_path: Path) -> None:
    done = export(shipped_weights("yunet_l"), tmp_path / "l.onnx", kind="onnx")
    assert done.difference < 1e-4
    assert set(done.checked_with) == {"OpenVINO", "ONNX Runtime"}


def test_what_disagrees_is_not_kept(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ship_random_classifier(tmp_path / "other" / "other.safetensors", architecture="cnn2", seed=1)

    def wrong(_: WholeNetwork, card: ModelCard, **__: object) -> bytes:
        return to_onnx(load_whole(other)[1], card)

    monkeypatch.setattr(files, "to_onnx", wrong)
    output = tmp_path / "out" / "mine.onnx"
    with pytest.raises(ExportError, match=r"mine\.onnx was not kept, since it differs from PyTorch by"):
        export(weights, output, kind="onnx")
    assert list(output.parent.iterdir()) == []


def test_an_earlier_file_outlives_a_failed_export(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "mine.onnx"
    export(weights, output, kind="onnx")
    before = output.read_bytes()
    monkeypatch.setattr(files, "compare", lambda *_: float("nan"))
    with pytest.raises(ExportError, match="nan"):
        export(weights, output, kind="onnx")
    assert output.read_bytes() == before


def test_formats_do_not_overwrite_each_others_cards(weights: Path) -> None:
    own = weights.with_suffix(".json").read_text()
    for kind in ON_A_CPU:
        export(weights, weights.with_suffix(ENDINGS[kind]), kind=kind)
    assert weights.with_suffix(".json").read_text() == own
    for kind in ON_A_CPU:
        _, engine = open_engine(weights.with_suffix(ENDINGS[kind]), architectures=CLASSIFIERS, computing=CPU)
        engine.close()


@pytest.mark.parametrize("kind", ["openvino", "torchscript", "exported-program"])
def test_a_changed_file_is_noticed(kind: str, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / f"out{ENDINGS[kind]}"
    export(weights, output, kind=kind)
    tensors = output.with_suffix(".bin") if kind == "openvino" else output
    data = bytearray(tensors.read_bytes())
    data[len(data) // 2] ^= 1
    tensors.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        open_engine(output, architectures=CLASSIFIERS, computing=CPU)


@pytest.mark.parametrize("kind", ["torchscript", "exported-program"])
def test_a_file_that_its_card_is_of_but_no_program(kind: str, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / f"out{ENDINGS[kind]}"
    export(weights, output, kind=kind)
    output.write_bytes(b"junk")
    files._write_card(read_card(weights), output, of=output)
    with pytest.raises(WeightsError, match="PyTorch cannot read") as caught:
        open_engine(output, architectures=CLASSIFIERS, computing=CPU)
    assert "\n" not in str(caught.value)


def test_an_exported_file_without_its_card(weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.xml"
    export(weights, output, kind="openvino")
    card_beside(output).unlink()
    with pytest.raises(WeightsError, match=r"no model card: expected a\.xml\.json beside it"):
        read_card(output)


def test_tensors_can_be_shared_beside_the_weights_only(weights: Path, tmp_path: Path) -> None:
    beside = weights.with_suffix(".onnx")
    done = export(weights, beside, kind="onnx", share=True)
    assert done.size_bytes < 0.1 * weights.stat().st_size
    with pytest.raises(InputError, match="beside the weights"):
        export(weights, tmp_path / "elsewhere" / "a.onnx", kind="onnx", share=True)
    with pytest.raises(InputError, match="only an ONNX file"):
        export(weights, weights.with_suffix(".pt2"), kind="exported-program", share=True)


def test_names_that_do_not_fit(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"format openvino has a name that ends in \.xml, got .*a\.onnx"):
        export(weights, tmp_path / "a.onnx", kind="openvino")


def test_a_folder_that_cannot_be_made(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        export(weights, tmp_path / "file" / "a.onnx", kind="onnx")


def test_only_trained_weights_can_be_exported(weights: Path, tmp_path: Path) -> None:
    export(weights, tmp_path / "a.onnx", kind="onnx")
    with pytest.raises(WeightsError, match=r"start from the \.safetensors"):
        export(tmp_path / "a.onnx", tmp_path / "b.xml", kind="openvino")


def test_the_card_inside_is_the_card_beside(weights: Path, tmp_path: Path) -> None:
    export(weights, tmp_path / "a.onnx", kind="onnx")
    assert read_card(tmp_path / "a.onnx") == read_card(weights)
    assert json.loads(weights.with_suffix(".json").read_text())["architecture"] in CLASSIFIERS + DETECTORS
