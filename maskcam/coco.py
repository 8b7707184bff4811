"""Predictions on pictures in COCO's results format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcam.classifiers.base import Classifier
from maskcam.crops import cut_crops
from maskcam.detectors.base import Detector
from maskcam.errors import InputError, OutputError
from maskcam.sources.media import expand_inputs, is_image
from maskcam.types import Image, MaskStatus

CATEGORY_IDS = {MaskStatus.MASK: 1, MaskStatus.NO_MASK: 2, MaskStatus.INCORRECT: 3}


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A picture to predict on.

    Attributes:
        image_id: as in the COCO file, or counted from 1.
        path: of the picture.
    """

    image_id: int
    path: Path


def list_images(inputs: Sequence[str], coco: Path | None) -> list[ListedImage]:
    """The pictures that a command line names: `inputs`, numbered from 1, or those of a COCO file.

    Raises:
        InputError: neither or both are given, an input is a video, or the COCO file is not one.
        SourceNotFoundError: a file or folder is not there.
    """
    if bool(inputs) == bool(coco):
        raise InputError("name pictures or folders, or a list with --coco FILE: one of the two")
    if coco is not None:
        return read_image_list(coco)
    files: list[Path] = []
    for spec in inputs:
        pictures = [file for file in expand_inputs(spec) if is_image(file)]
        if not pictures:
            raise InputError(f"predict takes pictures, got {spec}; use `maskcam process` for video")
        files += pictures
    return [ListedImage(i, file) for i, file in enumerate(files, start=1)]


def write_predictions(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes COCO results, making the folder.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def read_image_list(annotations: Path) -> list[ListedImage]:
    """The pictures of a COCO file; their paths are relative to it.

    Raises:
        InputError: the file is missing or not COCO.
    """
    try:
        images = json.loads(annotations.read_bytes())["images"]
        return [ListedImage(image["id"], annotations.parent / image["file_name"]) for image in images]
    except OSError as error:
        raise InputError(f"cannot read {annotations}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{annotations} is not a COCO file with an `images` list of `id` and `file_name`"
        ) from error


def predict_faces(
    image: Image,
    image_id: int,
    *,
    detector: Detector,
    classifier: Classifier,
    other_classes_from: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Yields COCO results of the faces in a picture.

    Args:
        image: (H, W, 3) uint8 BGR.
        image_id: goes into every result.
        detector: finds the faces; its minimum score decides which are reported.
        classifier: judges them.
        other_classes_from: least score of further results for the same face, one for each class that is not its
            likeliest, as detectors with several classes give them; None gives one result per face.

    Yields:
        `image_id`, `category_id` (1 mask, 2 no_mask, 3 incorrect), `bbox` (x, y, width, height in pixels), `score` (the
        face's times the probability of its class, in [0, 1]), `face_score`, `rank` (1 for the likeliest class of
        the face) and `probabilities` per class.
    """
    (faces,) = detector.detect([image])
    verdicts = classifier.classify(cut_crops(image, faces.boxes_xyxy, classifier.crop))
    for box, score, verdict in zip(faces.boxes_xyxy, faces.scores.tolist(), verdicts, strict=True):
        x1, y1, x2, y2 = (float(v) for v in box)
        ranked = sorted(verdict.probabilities.items(), key=lambda item: item[1], reverse=True)
        for rank, (status, probability) in enumerate(ranked, start=1):
            # P(face) P(class | face): average precision per class asks for the surest faces of that class first
            sure = score * probability
            if rank > 1 and (other_classes_from is None or sure < other_classes_from):
                break
            yield {
                "image_id": image_id,
                "category_id": CATEGORY_IDS[status],
                "bbox": [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
                "score": round(sure, 5),
                "face_score": round(score, 5),
                "rank": rank,
                "probabilities": {known.value: round(p, 5) for known, p in verdict.probabilities.items()},
            }
