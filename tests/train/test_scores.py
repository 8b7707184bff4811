"""Figures against values worked out by hand and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from maskcam.types import MaskStatus
from train.bootstrap import draws, intervals, mean_interval
from train.judged import STATUSES, Judged
from train.labelled import LabelledCrops
from train.scores import accuracy, calibration_error, figures, measure

BINARY = STATUSES[:2]


def crops(labels: list[int], *, sides: float = 30) -> LabelledCrops:
    n = len(labels)
    names = tuple(f"{i}.png" for i in range(n))
    statuses = tuple(STATUSES[i] for i in labels)
    return LabelledCrops(
        np.zeros((0, 8, 8, 3), np.uint8), statuses, np.full(n, sides, np.float32), ("made",) * n, names
    )


def certain(said: list[int], classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[said]


def guesses(count: int, *, seed: int = 0, skill: float = 1.5, pictures: int = 0) -> Judged:
    """Faces judged with some skill; equal probabilities come up, and with `pictures` several faces per picture."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, count, p=(0.6, 0.3, 0.1))
    logits = generator.normal(size=(count, 3)) + skill * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    names = [f"{i % pictures}#{i}" if pictures else str(i) for i in range(count)]
    return Judged(
        STATUSES,
        probabilities.round(2).astype(np.float32),
        labels,
        generator.uniform(10, 100, count).astype(np.float32),
        np.full(count, "made"),
        np.array(names),
    )


def test_figures_by_hand() -> None:
    labels, said = [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 1, 0, 2, 1]
    found = figures(torch.from_numpy(certain(said)), crops(labels), STATUSES)
    assert found["faces"] == 8
    assert found["accuracy"] == 4 / 8
    assert found["mask_or_not"] == 3 / 6
    assert found["mask_against_no_mask"] == 3 / 5
    assert (found["precision"], found["recall"]) == (2 / 3, 2 / 4)
    assert found["f1"] == pytest.approx(4 / 7)
    assert found["false_incorrect"] == 1 / 4
    assert found["incorrect_recall"] == 1 / 2
    assert found["calibration_error"] == pytest.approx(0.5)  # always certain, half of the time wrong
    assert found["accuracy_by_side_px"] == {"24-48": 0.5}
    violations = measure(Judged.of(certain(said), crops(labels), STATUSES))
    assert violations["violation_recall"][0] == 3 / 4
    assert violations["violation_precision"][0] == 3 / 5


def test_incorrect_is_left_out_of_a_binary_networks_figures() -> None:
    found = figures(torch.from_numpy(certain([0, 1, 0, 1], 2)), crops([0, 1, 1, 2]), BINARY)
    assert found["faces"] == 3
    assert found["accuracy"] == found["mask_or_not"] == pytest.approx(2 / 3)
    assert not {"false_incorrect", "incorrect_recall"} & set(found)


def test_three_classes_on_two_class_data_say_no_mask_with_incorrect() -> None:
    found = accuracy(np.array([0, 2, 1, 2]), crops([0, 0, 1, 1]), STATUSES)
    assert found["mask_or_not"] == 3 / 4
    assert found["mask_against_no_mask"] == 1
    assert found["f1"] == pytest.approx(2 / 3)
    assert "incorrect_recall" not in found


@pytest.mark.parametrize("labels", [[], [1, 1], [2]])
def test_what_is_undefined_is_left_out(labels: list[int]) -> None:
    found = measure(Judged.of(certain([0] * len(labels)), crops(labels), STATUSES))
    assert not {"recall", "f1", "roc_auc", "average_precision", "false_incorrect"} & set(found)
    assert not any(np.isnan(value).any() for value in found.values())


def test_figures_agree_with_scikit_learn() -> None:
    judged = guesses(400)
    found = {name: value[0] for name, value in measure(judged).items()}
    two = judged.where(judged.true != 2)
    positive, said = two.true == 0, two.said == 0
    assert found["roc_auc"] == pytest.approx(roc_auc_score(positive, two.mask_probability))
    assert found["average_precision"] == pytest.approx(
        average_precision_score(positive, two.mask_probability)
    )
    assert found["f1"] == pytest.approx(f1_score(positive, said))
    assert found["violation_f1"] == pytest.approx(f1_score(judged.true != 0, judged.said != 0))
    table = precision_recall_fscore_support(judged.true, judged.said)
    for kind, values in zip(("precision", "recall", "f1"), table, strict=False):
        assert [found[f"{kind}/{s.value}"] for s in STATUSES] == pytest.approx(list(values))
        assert found[f"{kind}/macro"] == pytest.approx(values.mean())


def test_a_weight_counts_as_so_many_faces() -> None:
    judged = guesses(60)
    weights = np.random.default_rng(1).integers(0, 4, (5, 60)).astype(float)
    weighted = measure(judged, weights)
    for row, weight in enumerate(weights):
        repeated = np.repeat(np.arange(60), weight.astype(int))
        alone = measure(
            Judged(
                STATUSES,
                judged.probabilities[repeated],
                judged.true[repeated],
                judged.sides_px[repeated],
                judged.sources[repeated],
                judged.names[repeated],
            )
        )
        for name, value in alone.items():
            assert weighted[name][row] == pytest.approx(value[0]), name


def test_calibration_error_of_honest_confidence_is_small() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.3, 1, 20_000).astype(np.float32)
    right = generator.uniform(size=20_000) < confidence
    assert calibration_error(confidence, right) < 0.02
    assert calibration_error(confidence, ~right) > 0.2


def test_draws_are_seeded_and_take_whole_pictures() -> None:
    pictures = guesses(30, pictures=10).pictures
    weights = draws(pictures, resamples=50)
    assert np.array_equal(weights, draws(pictures, resamples=50))
    assert not np.array_equal(weights, draws(pictures, resamples=50, seed=1))
    assert np.array_equal(weights[:, 0], weights[:, 10])  # the same picture
    assert np.array_equal(weights.sum(1), np.full(50, 30.0))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    truth = measure(guesses(200_000))["accuracy"][0]
    held = 0
    for seed in range(100):
        judged = guesses(150, seed=seed)
        interval = intervals(judged, draws(judged.pictures, resamples=200))["accuracy"]
        held += interval.low <= truth <= interval.high
    assert 88 <= held <= 99


def test_faces_that_share_a_picture_widen_the_interval() -> None:
    values = np.repeat(np.random.default_rng(0).integers(0, 2, 40), 10).astype(float)
    apart = mean_interval(values, draws(np.arange(400).astype(str)))
    together = mean_interval(values, draws(np.repeat(np.arange(40), 10).astype(str)))
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert together.value == apart.value == values.mean()


def test_classes_may_come_in_any_order() -> None:
    classes = (MaskStatus.INCORRECT, MaskStatus.NO_MASK, MaskStatus.MASK)
    judged = guesses(50)
    turned = Judged(
        classes, judged.probabilities[:, ::-1], judged.true, judged.sides_px, judged.sources, judged.names
    )
    untied = np.sort(judged.probabilities)[:, -1] > np.sort(judged.probabilities)[:, -2]
    assert np.array_equal(judged.said[untied], turned.said[untied])
    assert np.array_equal(judged.mask_probability, turned.mask_probability)
