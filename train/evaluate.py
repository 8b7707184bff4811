"""How well a classifier judges labelled faces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskcam.classifiers.torch import normalise
from maskcam.crops import CropSpec, cut_crops
from maskcam.sources.images import read_image
from maskcam.types import Image, MaskStatus
from train.patches import folder_pictures, labelled_faces
from train.scenes import Scene


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCrops:
    """Crops as the runtime cuts them.

    Attributes:
        images: (n, S, S, 3) uint8 BGR.
        statuses: n labels.
        sides: (n,) float32, shorter side of each face in pixels of its picture.
    """

    images: Image
    statuses: tuple[MaskStatus, ...]
    sides: NDArray[np.float32]


def scene_crops(scenes: Iterable[Scene], spec: CropSpec, *, minimum_side: float) -> LabelledCrops:
    """Crops of the labelled boxes of at least `minimum_side` pixels."""
    images: list[Image] = []
    statuses: list[MaskStatus] = []
    sides: list[NDArray[np.float32]] = []
    for scene in scenes:
        boxes, labels = labelled_faces(scene, minimum_side=minimum_side)
        images.append(cut_crops(scene.read(), boxes, spec))
        statuses += labels
        sides.append((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf))
    return LabelledCrops(np.concatenate(images), tuple(statuses), np.concatenate(sides))


def folder_crops(root: Path, classes: dict[str, MaskStatus], spec: CropSpec) -> LabelledCrops:
    """Pictures that are a face already, each resized to a whole crop."""
    images: list[Image] = []
    statuses: list[MaskStatus] = []
    sides: list[int] = []
    for folder, status in classes.items():
        for file in folder_pictures(root / folder):
            image = read_image(file)
            shrinks = min(image.shape[:2]) > spec.size
            interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            crop = cv2.resize(image, (spec.size, spec.size), interpolation=interpolation)
            images.append(np.asarray(crop, np.uint8))
            statuses.append(status)
            sides.append(min(image.shape[:2]))
    return LabelledCrops(np.stack(images), tuple(statuses), np.array(sides, np.float32))


def crop_logits(
    network: nn.Module, images: Image, *, mean: Sequence[float], std: Sequence[float], batch_size: int = 64
) -> Tensor:
    """(n, S, S, 3) uint8 BGR crops to (n, classes) float32 logits."""
    network.eval()
    mean_, std_ = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    with torch.inference_mode():
        return torch.cat(
            [
                network(normalise(torch.from_numpy(images[i : i + batch_size]), mean_, std_, reverse=True))
                for i in range(0, len(images), batch_size)
            ]
        )


def accuracy(
    predicted: NDArray[np.int64], crops: LabelledCrops, classes: Sequence[MaskStatus]
) -> dict[str, float]:
    """The figures that count, each in [0, 1].

    Args:
        predicted: (n,) index into `classes`.
        crops: the labels.
        classes: of the network.

    Returns:
        `mask_or_not`: accuracy of mask against no_mask on faces that are one of the two, "incorrect" counting as
        no_mask; `false_incorrect`: worn masks called incorrect; `incorrect_recall`, where there is any incorrect.
    """
    said = np.array([classes[i] for i in predicted], dtype=object)
    true = np.array(crops.statuses, dtype=object)
    plain = (true == MaskStatus.MASK) | (true == MaskStatus.NO_MASK)
    agree = (said == MaskStatus.MASK) == (true == MaskStatus.MASK)
    found = {
        "mask_or_not": float(agree[plain].mean()),
        "false_incorrect": float((said == MaskStatus.INCORRECT)[true == MaskStatus.MASK].mean()),
    }
    worn_wrong = true == MaskStatus.INCORRECT
    if worn_wrong.any():
        found["incorrect_recall"] = float((said == MaskStatus.INCORRECT)[worn_wrong].mean())
    return found


SIZE_BANDS = ((16, 24), (24, 48), (48, np.inf))
"""Shorter side of a face in pixels: from, to."""


def figures(
    probabilities: Tensor, crops: LabelledCrops, classes: Sequence[MaskStatus]
) -> dict[str, float | int | dict[str, float]]:
    """What a model card reports: `accuracy`, calibration error and accuracy per size band.

    Args:
        probabilities: (n, classes).
        crops: the labels.
        classes: of the network.
    """
    predicted = probabilities.argmax(1).numpy()
    said = np.array([classes[i] for i in predicted], dtype=object)
    right = said == np.array(crops.statuses, dtype=object)
    found: dict[str, float | int | dict[str, float]] = {
        "faces": len(predicted),
        "accuracy": float(right.mean()),
    }
    found |= accuracy(predicted, crops, classes)
    found["calibration_error"] = calibration_error(probabilities.amax(1).numpy(), right)
    found["accuracy_by_side_px"] = {
        f"{low}-{high}" if high < np.inf else f"{low}+": float(right[band].mean())
        for low, high in SIZE_BANDS
        if (band := (crops.sides >= low) & (crops.sides < high)).any()
    }
    return found


def calibration_error(confidence: NDArray[np.float32], right: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017), in [0, 1]."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean()
            for b in range(bins)
            if (which == b).any()
        )
    )
