import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from maskcam.backends import Computing
from maskcam.classifiers.engine import EngineClassifier
from maskcam.engines import converted
from maskcam.engines.converted import onnx_of
from maskcam.engines.opening import open_engine
from maskcam.errors import WeightsError
from maskcam.exporting.onnx import to_onnx
from maskcam.exporting.whole import load_whole
from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.onnx_metadata import CARD_KEY
from maskcam.types import MaskStatus
from maskcam.weights import read_card, shipped_weights, weights_directory
from tests.cards import ship_random_classifier

CPU = Computing(device="cpu", backend="auto", precision="auto")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Weights that somebody trained, with nothing but their card beside them."""
    return ship_random_classifier(tmp_path / "trained" / "mine.safetensors", architecture="cnn2")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped detector, with its card and its ONNX file."""
    for path in weights_directory().glob("yunet_n.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "yunet_n.safetensors"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == converted.__name__]


def refuse_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.exporting.onnx.to_onnx", lambda *_: pytest.fail("converted again"))


def test_shipped_weights_are_not_converted(shipped: Path, tmp_path: Path) -> None:
    assert onnx_of(shipped, read_card(shipped), cache=tmp_path / "cache") == shipped.with_suffix(".onnx")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["mobilenet_v2", "yunet_n"])
def test_shipped_networks_are_those_of_the_weights(name: str) -> None:
    weights = shipped_weights(name)
    _, whole = load_whole(weights)
    made = onnx.load_from_string(to_onnx(whole, read_card(weights), share=weights))
    kept = onnx.load(weights.with_suffix(".onnx"), load_external_data=False)
    # another version of PyTorch may name things otherwise, but not compute with other tensors
    assert {_place(tensor) for tensor in made.graph.initializer} == {
        _place(tensor) for tensor in kept.graph.initializer
    }
    assert [node.op_type for node in made.graph.node] == [node.op_type for node in kept.graph.node]


def _place(tensor: onnx.TensorProto) -> tuple[object, ...]:
    return (*(entry.value for entry in tensor.external_data), *tensor.dims, tensor.raw_data)


def test_every_shipped_network_is_there_and_small() -> None:
    for weights in weights_directory().glob("*.safetensors"):
        network = weights.with_suffix(".onnx")
        assert read_card(network).sha256 == read_card(weights).sha256
        assert network.stat().st_size < 200_000, "the tensors are in the safetensors file"
        assert b"/work" not in network.read_bytes(), "paths of the machine that made it"


def test_trained_weights_are_converted_once(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    card, cache = read_card(trained), tmp_path / "cache"
    made = onnx_of(trained, card, cache=cache)
    assert made == cache / f"{card.sha256}.onnx"
    assert [path.name for path in cache.iterdir()] == [made.name]
    (told,) = said(caplog)
    assert told.startswith("mine.safetensors is converted for this machine, once")
    refuse_conversion(monkeypatch)
    assert onnx_of(trained, card, cache=cache) == made
    assert said(caplog) == [told]


def test_a_damaged_file_in_the_cache_is_made_anew(trained: Path, tmp_path: Path) -> None:
    card = read_card(trained)
    made = tmp_path / f"{card.sha256}.onnx"
    made.write_bytes(b"junk")
    assert onnx_of(trained, card, cache=tmp_path) == made
    assert read_card(made) == card


def test_a_cache_that_cannot_be_written_is_done_without(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()  # a file where the folder should be: also root cannot write there
    card = read_card(trained)
    made = onnx_of(trained, card, cache=tmp_path / "cache")
    assert isinstance(made, bytes)
    assert "could not be kept" in said(caplog)[-1]


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_trained_weights_judge(
    backend: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converted.platformdirs, "user_cache_path", lambda _: tmp_path)
    computing = CPU | {"backend": backend}
    card, engine = open_engine(trained, architectures=CLASSIFIERS, computing=computing)  # type: ignore[arg-type]
    with EngineClassifier(engine, card) as classifier:
        (verdict,) = classifier.classify(np.zeros((1, 64, 64, 3), np.uint8))
    assert set(verdict.probabilities) == {MaskStatus.MASK, MaskStatus.NO_MASK, MaskStatus.INCORRECT}


def test_a_network_of_other_weights_beside_them(shipped: Path) -> None:
    shutil.copy(shipped_weights("yunet_l").with_suffix(".onnx"), shipped.with_suffix(".onnx"))
    with pytest.raises(WeightsError, match=r"yunet_n\.onnx was made of other weights than yunet_n"):
        open_engine(shipped, architectures=DETECTORS, computing=CPU)


def test_weights_that_are_not_what_their_card_says(shipped: Path) -> None:
    data = bytearray(shipped.read_bytes())
    data[-1] ^= 1
    shipped.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        open_engine(shipped, architectures=DETECTORS, computing=CPU)


def test_a_network_without_a_card(shipped: Path, tmp_path: Path) -> None:
    model = onnx.load(shipped.with_suffix(".onnx"), load_external_data=False)
    del model.metadata_props[:]
    bare = tmp_path / "bare.onnx"
    bare.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match="no model card inside: export it with `maskcam export`"):
        open_engine(bare, architectures=DETECTORS, computing=CPU)


def test_a_network_with_a_wrong_card(shipped: Path, tmp_path: Path) -> None:
    model = onnx.load(shipped.with_suffix(".onnx"), load_external_data=False)
    onnx.helper.set_model_props(model, {CARD_KEY: json.dumps({"name": "x"})})
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"card inside .*wrong\.onnx is not valid"):
        open_engine(wrong, architectures=DETECTORS, computing=CPU)


def test_a_network_cut_short(shipped: Path) -> None:
    network = shipped.with_suffix(".onnx")
    os.truncate(network, network.stat().st_size // 2)
    for weights in (network, shipped):
        with pytest.raises(WeightsError, match="no whole ONNX file"):
            open_engine(weights, architectures=DETECTORS, computing=CPU)


def test_a_network_of_another_task(shipped: Path) -> None:
    for weights in (shipped, shipped.with_suffix(".onnx")):
        with pytest.raises(WeightsError, match="holds a yunet_n; needed here is one of: cnn1"):
            open_engine(weights, architectures=CLASSIFIERS, computing=CPU)


def test_a_network_whose_tensors_are_gone(shipped: Path) -> None:
    shipped.unlink()
    with pytest.raises(WeightsError, match=r"cannot read .*yunet_n\.onnx"):
        open_engine(shipped.with_suffix(".onnx"), architectures=DETECTORS, computing=CPU)


def test_no_file_at_all(tmp_path: Path) -> None:
    for name in ("a.onnx", "a.xml", "a.pt2"):
        with pytest.raises(WeightsError, match="no weights file at"):
            open_engine(tmp_path / name, architectures=DETECTORS, computing=CPU)
