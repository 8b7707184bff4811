"""Lets a classifier judge labelled faces: as they are boxed, as a detector finds them, and boxed tighter or looser."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from maskcam.classifiers.base import Classifier
from maskcam.crops import CropSpec, cut_crops
from maskcam.detectors.base import Detector
from maskcam.types import Image, MaskStatus
from train.assignment import pairwise_iou
from train.faces import Picture
from train.judged import Judged
from train.labelled import LabelledCrops, labelled_crops

SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
"""Sides of a crop's box in sides of the labelled one; 1.0 is what the others are compared with."""

FOUND_IOU = 0.3
"""A found face is a labelled one from this overlap on: annotators draw from the brows here, around the head there."""


def judge(classifier: Classifier, crops: LabelledCrops, classes: Sequence[MaskStatus]) -> Judged:
    """Judges crops as the runtime does, temperature and thresholds of the model card included."""
    verdicts = classifier.classify(crops.images)
    rows = [[verdict.probabilities[status] for status in classes] for verdict in verdicts]
    return Judged.of(np.array(rows, np.float32).reshape(-1, len(classes)), crops, classes)


def found_crops(pictures: Iterable[Picture], detector: Detector, spec: CropSpec) -> LabelledCrops:
    """The labelled faces that a detector finds, cut by its boxes.

    Where several of its boxes lie on a face, the one with the best score counts. Sides are those of the labels, so
    that a face is in the same size band whatever finds it.

    Raises:
        SourceError: a picture cannot be read.
    """
    images: list[Image] = [np.zeros((0, spec.size, spec.size, 3), np.uint8)]
    faces: list[tuple[MaskStatus, float, str, str]] = []
    for picture in pictures:
        if picture.boxes_xyxy is None or not len(picture.boxes_xyxy):
            continue
        image = picture.read()
        (found,) = detector.detect([image])
        matches = match(picture.boxes_xyxy, found.boxes_xyxy, found.scores)
        images.append(cut_crops(image, found.boxes_xyxy[matches[matches >= 0]], spec))
        for i in np.flatnonzero(matches >= 0):
            x1, y1, x2, y2 = picture.boxes_xyxy[i]
            name = f"{picture.path.name}#{i}"
            faces.append((picture.statuses[i], min(x2 - x1, y2 - y1), picture.source, name))
    return LabelledCrops(
        np.concatenate(images),
        tuple(status for status, *_ in faces),
        np.array([side for _, side, *_ in faces], np.float32),
        tuple(source for *_, source, _ in faces),
        tuple(name for *_, name in faces),
    )


def match(
    boxes_xyxy: NDArray[np.float32], found_xyxy: NDArray[np.float32], scores: NDArray[np.float32]
) -> NDArray[np.int64]:
    """(n, 4) labelled and (m, 4) found boxes with (m,) scores to (n,) indices of found ones, -1 where none is."""
    if not len(found_xyxy):
        return np.full(len(boxes_xyxy), -1)
    overlaps = pairwise_iou(torch.from_numpy(boxes_xyxy), torch.from_numpy(found_xyxy)).numpy()
    candidates = np.where(
        overlaps >= FOUND_IOU, scores + 1e-6 * overlaps, -1
    )  # overlap decides between equals
    return np.where(candidates.max(axis=1) >= 0, candidates.argmax(axis=1), -1)


def statuses_by_scale(
    classifier: Classifier, pictures: Sequence[Picture], classes: Sequence[MaskStatus]
) -> dict[float, Judged]:
    """Judges every labelled box scaled about its centre, by scale; pictures that are a face as a whole are left out."""
    boxed = [picture for picture in pictures if picture.boxes_xyxy is not None]
    return {
        scale: judge(
            classifier,
            labelled_crops([_scaled(picture, scale) for picture in boxed], classifier.crop),
            classes,
        )
        for scale in SCALES
    }


def _scaled(picture: Picture, scale: float) -> Picture:
    assert picture.boxes_xyxy is not None
    centres = (picture.boxes_xyxy[:, :2] + picture.boxes_xyxy[:, 2:]) / 2
    half = (picture.boxes_xyxy[:, 2:] - picture.boxes_xyxy[:, :2]) / 2 * np.float32(scale)
    return dataclasses.replace(picture, boxes_xyxy=np.concatenate([centres - half, centres + half], axis=1))
