"""Engines of TensorRT: how they are refused anywhere, and what they compute where a GPU and TensorRT are at hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from maskcam.backends import Computing, choose_backend
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.engines.opening import open_engine
from maskcam.engines.tensorrt import INPUT, TensorRtEngine, find_gpu
from maskcam.errors import ConfigError, InputError, MissingLibraryError, WeightsError
from maskcam.exporting.files import compare, export
from maskcam.exporting.tensorrt import HALF_TOLERANCE, half_onnx, shapes
from maskcam.exporting.whole import example_images, load_whole
from maskcam.networks import CLASSIFIERS
from maskcam.weights import read_card, shipped_weights
from tests.shared import portrait

GPU = torch.cuda.is_available() and importlib.util.find_spec("tensorrt") is not None
on_a_gpu = pytest.mark.skipif(not GPU, reason="needs TensorRT and an NVIDIA GPU")
AUTO = Computing(device="auto", backend="auto", precision="auto")


@pytest.mark.parametrize("name", ["mobilenet_v2", "yunet_n"])
def test_the_network_that_is_built_is_that_of_the_weights_in_float16(name: str) -> None:
    """What TensorRT is given, run by ONNX Runtime."""
    import onnx

    card, whole = load_whole(shipped_weights(name))
    data = half_onnx(whole, card)
    graph = onnx.load_from_string(data).graph
    assert [node.op_type for node in graph.node if INPUT in node.input] == ["Cast"]
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for images in example_images(card):
        with torch.inference_mode():
            expected = [output.numpy() for output in whole(torch.from_numpy(images))]
        for ours, theirs in zip(session.run(None, {INPUT: images}), expected, strict=True):
            assert ours.dtype == np.float32
            difference = np.abs(ours - theirs).max()
            assert 0 < difference < HALF_TOLERANCE * np.abs(theirs).max(), "the same, in another arithmetic"


@pytest.mark.parametrize("name", ["mobilenet_v2", "yunet_n"])
def test_an_engine_takes_all_that_it_is_checked_with(name: str) -> None:
    card = read_card(shipped_weights(name))
    least, usual, most = shapes(card)
    for shape in (usual, *(images.shape for images in example_images(card))):
        assert all(low <= n <= high for low, n, high in zip(least, shape, most, strict=True))


def test_without_tensorrt_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    output = tmp_path / "a.engine"
    with pytest.raises(MissingLibraryError, match=r"TensorRT cannot be loaded .*pip install tensorrt-cu13"):
        export(shipped_weights("mobilenet_v2"), output, kind="tensorrt")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingLibraryError, match=r"a\.engine needs TensorRT.*use the \.safetensors file"):
        choose_backend(output, AUTO)


def test_without_a_gpu_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="needs an NVIDIA GPU, and PyTorch finds none"):
        find_gpu("auto")
    with pytest.raises(ConfigError, match="device mps was asked for"):
        find_gpu("mps")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "cpu"}, "but device cpu was asked for"),
        ({"precision": "float32"}, "was built for float16"),
        ({"backend": "openvino"}, "runs with backend tensorrt, not with openvino"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(change: Computing, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        choose_backend(Path("a.engine"), AUTO | change)


@on_a_gpu
def test_an_engine_judges_and_finds_like_the_weights(tmp_path: Path) -> None:
    masks, faces = tmp_path / "masks.engine", tmp_path / "faces.engine"
    for name, output in (("mobilenet_v2", masks), ("yunet_n", faces)):
        done = export(shipped_weights(name), output, kind="tensorrt")
        assert done.checked_with == ("TensorRT",)
        assert sorted(done.files) == sorted(tmp_path.glob(f"{output.stem}.engine*"))
    card, whole = load_whole(shipped_weights("mobilenet_v2"))
    crops = np.concatenate(
        [example_images(card, seed=i)[0] for i in range(30)]
    )  # more than one batch of the engine
    with TensorRtEngine(masks) as engine, torch.inference_mode():
        assert compare(engine, whole, card) < HALF_TOLERANCE
        expected = whole(torch.from_numpy(crops))[0].numpy()
        np.testing.assert_allclose(
            engine.run(crops)[0], expected, atol=HALF_TOLERANCE * np.abs(expected).max()
        )
        with pytest.raises(InputError, match="takes pictures from 128x128"):
            engine.run(np.zeros((1, 64, 64, 3), np.uint8))
    with (
        DetectorConfig().build(device="cpu", backend="torch") as reference,
        DetectorConfig(weights=faces).build(**AUTO) as detector,
        ClassifierConfig(weights=masks).build(**AUTO) as classifier,
    ):
        (ours,), (theirs,) = detector.detect([portrait()]), reference.detect([portrait()])
        assert len(ours) == len(theirs) >= 1
        np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes_xyxy, atol=1)  # pixels, in float16
        assert len(classifier.classify(crops[:2])) == 2


@on_a_gpu
def test_a_damaged_engine_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "masks.engine"
    export(shipped_weights("mobilenet_v2"), output, kind="tensorrt")
    output.write_bytes(output.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="SHA-256"):
        open_engine(output, architectures=CLASSIFIERS, computing=AUTO)
