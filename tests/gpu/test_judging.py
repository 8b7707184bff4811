import numpy as np
import pytest
import torch

from maskcam.classifiers.torch import TorchClassifier
from maskcam.crops import CropSpec, cut_crops
from maskcam.gpu import judging
from maskcam.gpu.judging import SIZES, Judge, batch_size
from maskcam.gpu.upload import Uploader
from maskcam.networks import CLASSIFIERS
from maskcam.pixels import ArrayPixels
from maskcam.weights import DEFAULT_CLASSIFIER, load_weights, shipped_weights
from tests.factories import make_image
from tests.shared import portrait

CPU = torch.device("cpu")
SPEC = CropSpec(size=64, margin=0.2)


def on_device(image: np.ndarray, boxes: np.ndarray, spec: CropSpec = SPEC) -> np.ndarray:
    batches = Uploader(CPU).upload([ArrayPixels(image)])
    owners = torch.zeros(len(boxes), dtype=torch.int64)
    return judging.cut_crops(batches, owners, torch.from_numpy(boxes), spec).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize(
    ("box", "mean", "most"),
    [
        ((180, 70, 262, 184), 1.0, 12),  # shrinks by a factor of 2.5
        ((200.4, 100.2, 240.7, 140.9), 0.6, 12),  # hardly changes
        ((215, 120, 235, 141), 0.8, 25),  # is enlarged: half a pixel beyond the edges
        ((10, 10, 500, 500), 1.5, 40),  # shrinks by a factor of 11, and reaches beyond all edges
    ],
)
def test_crops_are_those_of_the_cpu(box: tuple[float, float, float, float], mean: float, most: float) -> None:
    image, boxes = portrait(), np.array([box], np.float32)
    difference = np.abs(on_device(image, boxes) - cut_crops(image, boxes, SPEC))
    assert difference.mean() <= mean
    assert difference.max() <= most


@pytest.mark.parametrize(
    "box", [(-40, -40, 60, 60), (300, 220, 380, 300), (600, 400, 700, 500), (-90, 50, -10, 130)]
)
def test_black_is_where_the_picture_ends(box: tuple[float, float, float, float]) -> None:
    image, boxes = np.full((240, 320, 3), 200, np.uint8), np.array([box], np.float32)
    ours, expected = on_device(image, boxes), cut_crops(image, boxes, SPEC)
    border = (expected > 0) & (expected < 200)  # half covered: black here or there
    np.testing.assert_allclose(ours[~border], expected[~border], atol=100 if border.any() else 1)
    assert abs(float(ours.mean()) - float(expected.mean())) < 4


def test_each_crop_is_cut_from_its_own_picture() -> None:
    pictures = [
        ArrayPixels(np.full((h, 90, 3), level, np.uint8)) for h, level in ((80, 50), (60, 90), (80, 130))
    ]
    batches = Uploader(CPU).upload(pictures)
    members = [i for batch in batches for i in batch.members]
    owners = torch.tensor([0, 1, 2, 1])
    boxes = torch.tensor([[20.0, 20.0, 40.0, 40.0]]).repeat(4, 1)
    crops = judging.cut_crops(batches, owners, boxes, SPEC)
    expected = [(50, 90, 130)[members[owner]] for owner in owners.tolist()]
    assert crops.amax(dim=(1, 2, 3)).tolist() == expected
    assert crops.amin(dim=(1, 2, 3)).tolist() == expected


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("name", [DEFAULT_CLASSIFIER, "study_cnn1", "study_mnasnet"])
def test_probabilities_are_those_of_the_classifier(name: str, twice: bool) -> None:
    weights = shipped_weights(name)
    card, network = load_weights(weights, architectures=CLASSIFIERS)
    judge = Judge(network, card, device=CPU, dtype=torch.float32, twice=twice)
    side = judge.crop.size
    crops = np.stack([make_image((side, side), seed=seed) for seed in range(3)])
    expected = TorchClassifier.from_weights(weights, device=CPU, twice=twice).classify(crops)
    with torch.inference_mode():
        ours = judge.judge(torch.from_numpy(crops).permute(0, 3, 1, 2).float()).numpy()
    np.testing.assert_allclose(
        ours, [list(verdict.probabilities.values()) for verdict in expected], atol=1e-4
    )


def test_a_detector_is_no_judge() -> None:
    card, network = load_weights(shipped_weights("yunet_n"), architectures=("yunet_n",))
    with pytest.raises(ValueError, match="is a detector, not a classifier"):
        Judge(network, card, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize(
    ("count", "size"), [(0, 16), (12, 16), (13, 32), (200, 256), (500, 512), (9000, 512)]
)
def test_there_is_room_for_a_few_more_faces_than_before(count: int, size: int) -> None:
    assert batch_size(count) == size
    assert size in SIZES
