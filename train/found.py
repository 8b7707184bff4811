"""Labelled faces in the boxes that a detector draws around them: what the runtime cuts its crops by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from maskcam.config_sections import DetectorConfig
from maskcam.detectors.base import Detector
from train.faces import Picture
from train.judging import match

MINIMUM_SCORE = 0.05
"""Found faces are judged down to the score that `maskcam predict` reports: the faint ones are the hard ones."""


def face_detector(weights: Path, *, device: str) -> Detector:
    """The runtime's detector with the given weights, down to faint faces."""
    return DetectorConfig(weights=weights, minimum_score=MINIMUM_SCORE).build(device=device, backend="torch")


def found_pictures(pictures: Iterable[Picture], detector: Detector) -> Iterator[Picture]:
    """Yields the pictures of scenes in which faces are found, with those faces only and in the boxes found.

    Args:
        pictures: those that are one face as a whole are left out.
        detector: finds the faces.

    Raises:
        SourceError: a picture cannot be read.
    """
    for picture in pictures:
        if picture.boxes_xyxy is None or not len(picture.boxes_xyxy):
            continue
        (found,) = detector.detect([picture.read()])
        matches = match(picture.boxes_xyxy, found.boxes_xyxy, found.scores)
        faces = np.flatnonzero(matches >= 0)
        yield dataclasses.replace(
            picture,
            boxes_xyxy=found.boxes_xyxy[matches[faces]],
            statuses=tuple(picture.statuses[i] for i in faces),
        )
