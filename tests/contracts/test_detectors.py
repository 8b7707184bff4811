"""What every detector promises."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from maskcam.backends import Backend, Precision
from maskcam.config_sections import DetectorConfig
from maskcam.detectors.base import Detector
from maskcam.detectors.fixed import FixedDetector
from maskcam.detectors.mediapipe import MediaPipeDetector
from maskcam.detectors.thorough import Look, ThoroughDetector
from maskcam.detectors.yunet import YuNetDetector
from maskcam.gpu.detector import GpuDetector
from maskcam.networks.yunet import YuNet
from maskcam.types import Faces, Image
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, shipped_weights
from tests.shared import portrait, shared_file

MINIMUM_SCORE = 0.05  # low, so that there is more than one face to put in order


def make_fixed() -> Detector:
    boxes = np.array([[5, 5, 30, 40], [177, 82, 272, 177], [-20, -20, 9000, 9000]], np.float32)
    return FixedDetector([Faces(boxes, np.array([0.3, 0.9, 0.6], np.float32))])


def make_yunet() -> Detector:
    from safetensors.torch import load_file

    network = YuNet()
    network.load_state_dict(load_file(shared_file("pretrained/yunet_n_widerface.safetensors")))
    return YuNetDetector(network, size=320, minimum_score=MINIMUM_SCORE, device=torch.device("cpu"))


def make_thorough() -> Detector:
    return ThoroughDetector(
        [Look(make_yunet()), Look(make_yunet(), mirrored=True)], minimum_score=MINIMUM_SCORE
    )


def make_mediapipe(name: str) -> Callable[[], Detector]:
    return lambda: MediaPipeDetector(
        model=shared_file(f"pretrained/face_detection_{name}.tflite"), minimum_score=MINIMUM_SCORE
    )


def make_shipped(backend: Backend, precision: Precision = "auto") -> Callable[[], Detector]:
    config = DetectorConfig(size=320, minimum_score=MINIMUM_SCORE)
    return lambda: config.build(device="cpu", backend=backend, precision=precision)


def make_judging() -> Detector:
    weights = [shipped_weights(name) for name in (DEFAULT_DETECTOR, DEFAULT_CLASSIFIER)]
    options = {"device": torch.device("cpu"), "dtype": torch.float32}
    return GpuDetector.from_weights(*weights, size=320, minimum_score=MINIMUM_SCORE, **options)


DETECTORS = {
    "fixed": make_fixed,
    "yunet": make_yunet,
    "yunet-openvino": make_shipped("openvino"),
    "yunet-openvino-float32": make_shipped("openvino", "float32"),
    "yunet-onnxruntime": make_shipped("onnxruntime"),
    "judging": make_judging,
    "thorough": make_thorough,
    "mediapipe-short": make_mediapipe("short_range"),
    "mediapipe-full": make_mediapipe("full_range_sparse"),
}


@pytest.fixture(params=DETECTORS, scope="module")
def detector(request: pytest.FixtureRequest) -> Iterator[Detector]:
    with DETECTORS[request.param]() as made:
        yield made


@pytest.fixture(scope="module")
def astronaut() -> Image:
    return portrait()


def assert_well_formed(faces: Faces, image: Image) -> None:
    height, width = image.shape[:2]
    boxes, scores = faces.boxes_xyxy, faces.scores
    assert boxes.dtype == scores.dtype == np.float32
    assert boxes.shape == (len(faces), 4)
    assert scores.shape == (len(faces),)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [width, height]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) <= 0).all(), "best score first"
    if faces.landmarks is not None:
        assert faces.landmarks.dtype == np.float32
        assert faces.landmarks.shape == (len(faces), 5, 2)
        assert np.isfinite(faces.landmarks).all()


def assert_same(found: Faces, expected: Faces, *, pixels: float = 0.0) -> None:
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=pixels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=pixels / 100)


def test_finds_the_face_of_a_portrait(detector: Detector, astronaut: Image) -> None:
    (faces,) = detector.detect([astronaut])
    assert_well_formed(faces, astronaut)
    assert len(faces) >= 1
    assert faces.scores[0] > 0.5
    x1, y1, x2, y2 = faces.boxes_xyxy[0]
    assert x1 < 222 < x2  # her nose
    assert y1 < 128 < y2


def test_batch_of_different_sizes_keeps_its_order(detector: Detector, astronaut: Image) -> None:
    images = [astronaut[:300, 50:400].copy(), np.zeros((90, 160, 3), np.uint8), astronaut]
    found = detector.detect(images)
    assert len(found) == 3
    for faces, image in zip(found, images, strict=True):
        assert_well_formed(faces, image)
        # yunet pads a batch to one common shape, which moves boxes by a fraction of a pixel
        assert_same(faces, detector.detect([image])[0], pixels=0.5)


def test_no_images_give_no_results(detector: Detector) -> None:
    assert detector.detect([]) == []


def test_leaves_its_input_unchanged(detector: Detector, astronaut: Image) -> None:
    given = astronaut.copy()
    detector.detect([given])
    np.testing.assert_array_equal(given, astronaut)


def test_takes_read_only_images(detector: Detector, astronaut: Image) -> None:
    locked = astronaut.copy()
    locked.flags.writeable = False
    assert_same(detector.detect([locked])[0], detector.detect([astronaut])[0])


@pytest.mark.parametrize(
    "view",
    [
        lambda image: image[:, ::-1],
        lambda image: image[::-1],
        lambda image: image[20:320, 60:390],
        lambda image: image[::2, ::2],
        lambda image: image[..., ::-1],
        lambda image: image.transpose(1, 0, 2),
    ],
    ids=["mirrored", "upside-down", "crop", "every-second", "other-channel-order", "transposed"],
)
def test_views_are_read_like_copies(
    detector: Detector, astronaut: Image, view: Callable[[Image], Image]
) -> None:
    seen = view(astronaut)
    assert not seen.flags.c_contiguous
    assert_same(detector.detect([seen])[0], detector.detect([np.ascontiguousarray(seen)])[0])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (700, 1, 3), (4320, 7680, 3)], ids=str)
def test_takes_tiny_thin_and_8k_frames(detector: Detector, shape: tuple[int, int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    (faces,) = detector.detect([image])
    assert_well_formed(faces, image)


@pytest.mark.parametrize(
    ("image", "error", "sentence"),
    [
        (np.zeros((40, 40), np.uint8), ValueError, r"\(H, W, 3\).*\(40, 40\)"),
        (np.zeros((40, 40, 1), np.uint8), ValueError, r"\(H, W, 3\).*\(40, 40, 1\)"),
        (np.zeros((40, 40, 4), np.uint8), ValueError, r"\(H, W, 3\).*\(40, 40, 4\)"),
        (np.zeros((0, 40, 3), np.uint8), ValueError, r"\(H, W, 3\).*\(0, 40, 3\)"),
        (np.zeros((40, 40, 3), np.float32), TypeError, "uint8.*float32"),
        (np.full((40, 40, 3), np.nan), TypeError, "uint8.*float64"),
        ("portrait.jpg", TypeError, "NumPy array.*str"),
        (None, TypeError, "NumPy array.*NoneType"),
    ],
    ids=["grey", "grey-3d", "bgra", "empty", "float", "nan", "path", "none"],
)
def test_refuses_what_is_not_an_image(
    detector: Detector, astronaut: Image, image: Image, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        detector.detect([astronaut, image])


@pytest.mark.parametrize("name", DETECTORS)
def test_closing_twice_is_fine(name: str) -> None:
    made = DETECTORS[name]()
    made.close()
    made.close()
