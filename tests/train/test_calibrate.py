import numpy as np
import pytest
import torch

from maskcam.types import MaskStatus
from train.calibrate import FALSE_INCORRECT, calibrate
from train.labelled import LabelledCrops
from train.scores import accuracy

CLASSES = (MaskStatus.MASK, MaskStatus.NO_MASK, MaskStatus.INCORRECT)


def crops(labels: torch.Tensor) -> LabelledCrops:
    statuses = tuple(CLASSES[i] for i in labels.tolist())
    names = tuple(f"{i}.png" for i in range(len(labels)))
    sides = np.full(len(labels), 30, np.float32)
    return LabelledCrops(np.zeros((0, 8, 8, 3), np.uint8), statuses, sides, ("made",) * len(labels), names)


def noisy_logits(count: int, *, sharpness: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose softmax at temperature `sharpness` is the true probability of each class."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(count, 3, generator=generator) * 2
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return logits * sharpness, labels


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_temperature_is_found(sharpness: float) -> None:
    logits, labels = noisy_logits(4000, sharpness=sharpness)
    # false alarms are far above the limit here, so the bias goes to its floor; without `incorrect` there is none
    calibration = calibrate(logits[:, :2], crops(labels.clamp(max=1)), CLASSES[:2])
    assert calibration.class_bias == (0.0, 0.0)
    two = logits[:, :2][labels < 2], labels[labels < 2]
    calibration = calibrate(*two[:1], crops(two[1]), CLASSES[:2])
    assert calibration.temperature == pytest.approx(sharpness, rel=0.15)


def test_bias_keeps_false_alarms_within_the_limit() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 3, (3000,), generator=generator)
    logits = torch.nn.functional.one_hot(labels, 3) * 3 + torch.randn(3000, 3, generator=generator)
    calibration = calibrate(logits, crops(labels), CLASSES)
    predicted = calibration.apply(logits).argmax(1).numpy()
    found = accuracy(predicted, crops(labels), CLASSES)
    assert found["false_incorrect"] <= FALSE_INCORRECT
    assert found["incorrect_recall"] > 0.8
