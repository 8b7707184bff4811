"""Figures that tell how good detections are."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskcam.detectors.base import Detector
from train.scenes import Scene


def average_precision_any_face(scenes: Sequence[Scene], detector: Detector) -> float:
    """COCO average precision at IoU 0.5 of all faces, whatever their status, in [0, 1]; unlabelled faces ignored."""
    faces: list[dict[str, Any]] = []
    found: list[list[float]] = []
    for scene in scenes:
        boxes = [(box, 0) for box in scene.boxes_xyxy] + [(box, 1) for box in scene.ignored_xyxy]
        for box, crowd in boxes:
            xywh = [float(v) for v in (*box[:2], *(box[2:] - box[:2]))]
            faces.append(
                {
                    "id": len(faces) + 1,
                    "image_id": scene.image_id,
                    "category_id": 1,
                    "bbox": xywh,
                    "area": xywh[2] * xywh[3],
                    "iscrowd": crowd,
                }
            )
        (result,) = detector.detect([scene.read()])
        for box, score in zip(result.boxes_xyxy, result.scores, strict=True):
            found.append([scene.image_id, *box[:2], *(box[2:] - box[:2]), score, 1])
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports by printing
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": scene.image_id} for scene in scenes],
            "annotations": faces,
            "categories": [{"id": 1, "name": "face"}],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(np.array(found, np.float64).reshape(-1, 7)), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.maxDets = [1, 10, 300]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    return float(precision[precision > -1].mean())
