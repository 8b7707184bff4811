from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from maskcam.detectors.yunet import YuNetDetector, fold_batch_norms, input_shape, letterbox
from maskcam.errors import WeightsError
from maskcam.networks.yunet import YuNet
from maskcam.pixels import ArrayPixels
from maskcam.types import Faces, Image
from tests.shared import portrait, shared_file

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> YuNet:
    from safetensors.torch import load_file

    network = YuNet()
    network.load_state_dict(load_file(shared_file("pretrained/yunet_n_widerface.safetensors")))
    return network.eval()


@pytest.fixture(scope="module")
def astronaut() -> Image:
    return portrait()


@pytest.fixture(scope="module")
def pixels(astronaut: Image) -> Tensor:
    """(2, 3, 256, 320) float32, two different pictures, higher than a square and wider than one grid cell."""
    pictures = np.stack([cv2.resize(astronaut, (320, 256)), astronaut[:256, :320]])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


def test_equals_the_published_graph(network: YuNet, pixels: Tensor) -> None:
    import onnxruntime

    graph = onnxruntime.InferenceSession(shared_file("pretrained/yunet_n_dynamic.onnx"))
    names = [output.name for output in graph.get_outputs()]
    published = dict(zip(names, graph.run(None, {"input": pixels.numpy()}), strict=True))
    expected = {
        kind: np.concatenate([published[f"{kind}_{stride}"] for stride in (8, 16, 32)], axis=1)
        for kind in ("cls", "obj", "bbox", "kps")
    }
    with torch.inference_mode():
        found = network(pixels)
    cells = (256 * 320) * (1 / 8**2 + 1 / 16**2 + 1 / 32**2)
    assert expected["cls"].shape == (2, cells, 1)
    assert expected["cls"].max() > 0.5, "there is a face to agree about"
    # the issue asks for 1e-3; float32 convolutions of two libraries differ by about 1e-5
    for ours, theirs in (
        (found.face.sigmoid().unsqueeze(2), expected["cls"]),
        (found.objectness.sigmoid().unsqueeze(2), expected["obj"]),
        (found.boxes, expected["bbox"]),
        (found.landmarks, expected["kps"]),
    ):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3, rtol=0)


def test_folding_batch_norms_changes_nothing(network: YuNet, pixels: Tensor) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_batch_norms(network)
    with torch.inference_mode():
        for ours, theirs in zip(folded(pixels), network(pixels), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    norms = [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms == []
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} of the network handed in was changed"


def test_finds_the_astronaut(network: YuNet, astronaut: Image) -> None:
    detector = YuNetDetector(network, size=512, minimum_score=0.5, device=CPU)
    (faces,) = detector.detect([astronaut])
    assert len(faces) == 1
    assert faces.scores[0] > 0.8
    # where scikit-image's own face detection example draws her face, roughly: hair line to chin
    np.testing.assert_allclose(faces.boxes_xyxy[0], [180, 70, 262, 184], atol=20)
    assert faces.landmarks is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = faces.landmarks[0]
    assert right_eye[0] < nose[0] < left_eye[0]  # her right is on our left
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_batch_equals_one_by_one(network: YuNet, astronaut: Image) -> None:
    detector = YuNetDetector(network, size=320, minimum_score=0.05, device=CPU)
    images = [astronaut, astronaut[:, ::-1], astronaut[::-1]]
    for together, image in zip(detector.detect(images), images, strict=True):
        assert_close(together, detector.detect([image])[0], pixels=0.01, score=1e-4)  # float noise


def test_batch_of_different_shapes_nearly_equals_one_by_one(network: YuNet, astronaut: Image) -> None:
    # weak detections come and go: a shared canvas is larger than one of an image's own, and the network sees
    # black where its border would be
    detector = YuNetDetector(network, size=320, minimum_score=0.5, device=CPU)
    images = [astronaut, astronaut[:400, 100:350], astronaut[40:230]]
    for together, image in zip(detector.detect(images), images, strict=True):
        input_pixel = max(image.shape) / 320
        assert_close(together, detector.detect([image])[0], pixels=input_pixel, score=0.05)


def assert_close(found: Faces, expected: Faces, *, pixels: float, score: float) -> None:
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=pixels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=score)
    assert found.landmarks is not None
    assert expected.landmarks is not None
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=pixels)


def test_boxes_are_in_pixels_of_the_image_whatever_the_size(network: YuNet, astronaut: Image) -> None:
    detector = YuNetDetector(network, size=320, minimum_score=0.5, device=CPU)
    small, large = detector.detect([astronaut, np.asarray(cv2.resize(astronaut, None, fx=3, fy=3), np.uint8)])
    # both are resized to 320 pixels, one linearly and one by area: a pixel or two of the network's input
    np.testing.assert_allclose(large.boxes_xyxy / 3, small.boxes_xyxy, atol=3)


def test_letterbox_keeps_proportions_and_pads_to_whole_cells() -> None:
    wide = np.full((100, 200, 3), 200, np.uint8)
    tall = np.full((640, 32, 3), 100, np.uint8)
    assert input_shape((wide.shape[1], wide.shape[0]), size=160) == (96, 160)
    batch, scales = letterbox([ArrayPixels(wide)], size=160, shape=(96, 160))
    assert (batch.shape, scales) == ((1, 96, 160, 3), [0.8])
    assert (batch[0, :80] == 200).all()
    assert (batch[0, 80:] == 0).all()
    assert input_shape((tall.shape[1], tall.shape[0]), size=160) == (160, 32)
    batch, scales = letterbox([ArrayPixels(tall)], size=160, shape=(160, 32))
    assert scales == [0.25]
    assert (batch[0, :, :8] == 100).all()
    assert (batch[0, :, 8:] == 0).all()


def test_size_below_one_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 pixels, got 16"):
        YuNetDetector(YuNet(), size=16, minimum_score=0.5, device=CPU)


def test_weights_without_a_card_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "yunet.safetensors"
    weights.touch()
    with pytest.raises(WeightsError, match=r"no model card: expected yunet\.json"):
        YuNetDetector.from_weights(weights, size=320, minimum_score=0.5, device=CPU)
