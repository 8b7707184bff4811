import numpy as np
import torch
from torchvision.ops import box_iou, nms

from maskcam.detectors.boxes import overlaps, suppress


def random_boxes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes in heaps, as a detector gives them, with scores."""
    rng = np.random.default_rng(count)
    centres = rng.integers(0, 5, (count, 2)) * 40 + rng.normal(0, 4, (count, 2))
    half = rng.uniform(10, 25, (count, 2))
    boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    return boxes, rng.random(count).astype(np.float32)


def test_overlaps_equal_torchvision() -> None:
    boxes, _ = random_boxes(60)
    expected = box_iou(torch.from_numpy(boxes), torch.from_numpy(boxes)).numpy()
    np.testing.assert_allclose(
        np.array([overlaps(box, boxes) for box in boxes]), expected, atol=1e-6
    )  # float32


def test_empty_boxes_overlap_nothing() -> None:
    nothing = np.zeros((2, 4), np.float32)
    assert overlaps(nothing[0], nothing).tolist() == [0, 0]


def test_suppression_equals_torchvision() -> None:
    boxes, scores = random_boxes(200)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.45).numpy()
    kept, rows = suppress(boxes, scores, iou=0.45)
    assert 5 < len(kept) < 150, "some are suppressed, some are not"
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(rows, [overlaps(boxes[i], boxes) for i in kept])


def test_no_boxes() -> None:
    kept, rows = suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), iou=0.5)
    assert (kept.shape, rows.shape) == ((0,), (0, 0))
