import numpy as np
import pytest
import torch

from maskcam.detectors.boxes import overlaps as overlaps_of_one
from maskcam.detectors.boxes import suppress as suppress_one_by_one
from maskcam.gpu import suppression
from maskcam.gpu.suppression import ROUNDS, overlaps, suppress
from tests.detectors.test_boxes import random_boxes


def sorted_boxes(count: int) -> tuple[np.ndarray, np.ndarray]:
    boxes, scores = random_boxes(count)
    order = np.argsort(-scores)
    return boxes[order], scores[order]


def both_ways(
    boxes: np.ndarray, scores: np.ndarray, *, iou: float = 0.45, minimum_score: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which are kept and where they are: at once, and one by one."""
    is_kept, settled = suppress(
        torch.from_numpy(boxes)[None],
        torch.from_numpy(scores)[None],
        minimum_score=minimum_score,
        iou=iou,
        vote_iou=0.65,
    )
    real = scores >= minimum_score
    kept, rows = suppress_one_by_one(boxes[real], scores[real], iou=iou)
    votes = (rows >= 0.65) * scores[real]
    expected = votes @ boxes[real] / votes.sum(axis=1, keepdims=True)
    return np.flatnonzero(is_kept[0].numpy()), settled[0][is_kept[0]].numpy(), kept, expected


def test_overlaps_are_those_of_one_with_each() -> None:
    boxes, _ = random_boxes(50)
    expected = np.array([overlaps_of_one(box, boxes) for box in boxes])
    np.testing.assert_allclose(overlaps(torch.from_numpy(boxes)[None])[0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 30, 200, 700])
@pytest.mark.parametrize("iou", [0.2, 0.45, 0.7])
def test_equals_suppression_one_by_one(count: int, iou: float) -> None:
    ours, settled, kept, expected = both_ways(*sorted_boxes(count), iou=iou)
    np.testing.assert_array_equal(ours, kept)
    np.testing.assert_allclose(settled, expected, rtol=1e-4)


def test_boxes_below_the_least_score_neither_stay_nor_vote() -> None:
    boxes, scores = sorted_boxes(200)
    ours, settled, kept, expected = both_ways(boxes, scores, minimum_score=0.5)
    assert 0 < len(kept) < 100
    np.testing.assert_array_equal(ours, kept)
    np.testing.assert_allclose(settled, expected, rtol=1e-4)


def chain(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Each overlaps its neighbours alone: of them every other one stays."""
    left = np.arange(length) * 40.0
    boxes = np.stack([left, np.zeros(length), left + 100, np.full(length, 100.0)], axis=1)
    return boxes.astype(np.float32), np.linspace(0.9, 0.5, length).astype(np.float32)


def test_every_link_of_a_chain_hangs_on_the_one_before() -> None:
    ours, _, kept, _ = both_ways(*chain(ROUNDS + 1), iou=0.4)
    assert kept.tolist() == list(range(0, ROUNDS + 1, 2))
    np.testing.assert_array_equal(ours, kept)


def test_rounds_are_what_settles_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression, "ROUNDS", 3)
    ours, _, kept, _ = both_ways(*chain(12), iou=0.4)
    assert ours.tolist() != kept.tolist()


def test_pictures_do_not_see_each_other() -> None:
    boxes, scores = sorted_boxes(80)
    twice = torch.from_numpy(np.stack([boxes, boxes + 5]))
    is_kept, _ = suppress(
        twice, torch.from_numpy(np.stack([scores] * 2)), minimum_score=0.0, iou=0.45, vote_iou=0.65
    )
    assert (is_kept[0] == is_kept[1]).all()
