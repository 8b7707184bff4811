"""What every engine promises, and that all agree with PyTorch."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.engines.base import Engine
from maskcam.engines.onnxruntime import OnnxRuntimeEngine
from maskcam.engines.openvino import OpenVinoEngine
from maskcam.errors import WeightsError
from maskcam.exporting.whole import WholeNetwork, example_images, load_whole
from maskcam.types import Faces, Image
from maskcam.weights import ModelCard, shipped_weights
from tests.shared import portrait

ENGINES: dict[str, Callable[[Path], Engine]] = {
    "openvino": lambda model: OpenVinoEngine(model, precision="float32"),
    "onnxruntime": OnnxRuntimeEngine,
}
NETWORKS = ("mobilenet_v2", "yunet_n")


@pytest.fixture(params=NETWORKS, scope="module")
def shipped(request: pytest.FixtureRequest) -> tuple[Path, ModelCard, WholeNetwork]:
    weights = shipped_weights(request.param)
    return weights.with_suffix(".onnx"), *load_whole(weights)


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest, shipped: tuple[Path, ModelCard, WholeNetwork]) -> Iterator[Engine]:
    with ENGINES[request.param](shipped[0]) as made:
        yield made


def test_equals_pytorch_on_every_size_and_batch(
    engine: Engine, shipped: tuple[Path, ModelCard, WholeNetwork]
) -> None:
    _, card, whole = shipped
    for images in [*example_images(card), *example_images(card, seed=1)]:
        with torch.inference_mode():
            expected = whole(torch.from_numpy(images))
        found = engine.run(images)
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == np.float32
            # convolutions of two libraries sum in another order: some 1e-6 of logits of up to 15
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4, rtol=1e-4)


def test_shapes_that_come_often_change_nothing(
    engine: Engine, shipped: tuple[Path, ModelCard, WholeNetwork]
) -> None:
    images = example_images(shipped[1])[0]
    first = [output.copy() for output in engine.run(images)]
    for _ in range(10):  # OpenVINO makes a network for this shape in between
        for ours, before in zip(engine.run(images), first, strict=True):
            np.testing.assert_allclose(ours, before, atol=1e-4, rtol=1e-4)


def test_takes_what_it_may_not_write_to(
    engine: Engine, shipped: tuple[Path, ModelCard, WholeNetwork]
) -> None:
    images = example_images(shipped[1])[0]
    kept = images.copy()
    images.flags.writeable = False
    engine.run(images)
    np.testing.assert_array_equal(images, kept)


def test_says_where_and_how_it_computes(engine: Engine) -> None:
    assert engine.device.startswith("cpu, O")
    assert "float32" in engine.device
    assert "thread" in engine.device


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x07"])
def test_a_damaged_network_is_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"cannot read .*damaged\.onnx") as caught:
        ENGINES[name](path)
    assert "\n" not in str(caught.value)


def found_faces(image: Image, backend: str, precision: str = "float32") -> Faces:
    config = DetectorConfig.model_validate({"minimum_score": 0.2})
    with config.build(device="cpu", backend=backend, precision=precision) as detector:  # type: ignore[arg-type]
        (faces,) = detector.detect([image])
    return faces


@pytest.mark.parametrize("backend", ENGINES)
def test_finds_the_same_faces_as_pytorch(backend: str) -> None:
    image = portrait()
    expected, found = found_faces(image, "torch"), found_faces(image, backend)
    assert len(found) == len(expected) >= 1
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=0.01)  # pixels: float noise
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert found.landmarks is not None
    assert expected.landmarks is not None
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=0.01)


@pytest.mark.parametrize("backend", ENGINES)
@pytest.mark.parametrize("thorough", [False, True])
def test_gives_the_same_verdicts_as_pytorch(backend: str, thorough: bool) -> None:
    config = ClassifierConfig(thorough=thorough)
    with (
        config.build(device="cpu", backend="torch") as reference,
        config.build(device="cpu", backend=backend, precision="float32") as classifier,  # type: ignore[arg-type]
    ):
        side = reference.crop.size
        face = np.asarray(portrait()[60 : 60 + side, 160 : 160 + side])
        crops = np.stack([face, face[:, ::-1], face[::-1]])
        for ours, theirs in zip(classifier.classify(crops), reference.classify(crops), strict=True):
            # the second view is rounded to bytes on its way through OpenCV
            tolerance = 0.01 if thorough else 1e-4
            for status, probability in theirs.probabilities.items():
                assert ours.probabilities[status] == pytest.approx(probability, abs=tolerance)


def test_bfloat16_costs_little_where_the_cpu_has_it() -> None:
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU does not compute in bfloat16")
    image = portrait()
    expected, found = found_faces(image, "torch"), found_faces(image, "openvino", "bfloat16")
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=2)  # of a face of 100 pixels
    np.testing.assert_allclose(found.scores, expected.scores, atol=0.03)
