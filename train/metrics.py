"""Figures that tell how good detections are."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskcam.config_sections import DetectorConfig
from maskcam.detectors.base import Detector
from train.judged import SIZE_BANDS
from train.scenes import Scene

Rows = NDArray[np.float64]


_EVERY_SIZE = (0.0, 1e10)
SHOWN_SCORE = DetectorConfig().minimum_score
"""Faces that people are shown score at least this."""


def average_precision_any_face(scenes: Sequence[Scene], detector: Detector) -> float:
    """COCO average precision at IoU 0.5 of all faces, whatever their status, in [0, 1]; unlabelled faces ignored."""
    return average_precision(*_truth_and_found(scenes, detector))


def detection_figures(scenes: Sequence[Scene], detector: Detector) -> dict[str, Any]:
    """What a model card reports of a detector.

    Returns:
        `faces`, `AP50` and `AP40` (the least IoU in percent), `AP50_by_side_px`, `recall_by_status`, the
        part of the faces that are found at IoU 0.5 with any score, and `recall_masked_20_40_px`, of masked faces whose
        shorter side is 20 to 40 pixels, with any score and, as `..._shown`, with at least `SHOWN_SCORE`.
    """
    truth, found = _truth_and_found(scenes, detector)
    faces = [face for face in truth.dataset["annotations"] if not face["iscrowd"]]
    bands = {band_name(low, high): (float(low**2), float(high**2)) for low, high in SIZE_BANDS}
    masked = [face["id"] for face in faces if face["status"] == 1 and 20**2 <= face["area"] < 40**2]
    hits = _hits(truth, found)
    shown = _hits(truth, found[found[:, 5] >= SHOWN_SCORE])
    return {
        "faces": len(faces),
        "AP50": average_precision(truth, found),
        "AP40": average_precision(truth, found, iou=0.4),
        "AP50_by_side_px": {
            name: average_precision(truth, found, areas=area) for name, area in bands.items()
        },
        "recall_by_status": {
            status: _share(hits, [face["id"] for face in faces if face["status"] == category])
            for category, status in ((1, "mask"), (2, "no_mask"), (3, "incorrect"))
        },
        "recall_masked_20_40_px": _share(hits, masked),
        "recall_masked_20_40_px_shown": _share(shown, masked),
    }


def band_name(low: float, high: float) -> str:
    """`16-24`, or `48+`."""
    return f"{low:g}+" if high == np.inf else f"{low:g}-{high:g}"


def average_precision(
    truth: COCO, found: Rows, *, iou: float = 0.5, areas: tuple[float, float] = _EVERY_SIZE
) -> float:
    """Average precision over COCO's 101 recalls, in [0, 1]; NaN where there is nothing to find.

    Args:
        truth: faces, all of category 1; `area` is the square of the shorter side.
        found: (n, 7) image id, box xywh in pixels, score, category 1.
        iou: least overlap of a hit.
        areas: least and greatest area of the faces that count; others are ignored.
    """
    evaluation = _evaluate(truth, found, iou=iou, areas=areas)
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    counted = precision[precision > -1]
    return float(counted.mean()) if len(counted) else float("nan")


def _hits(truth: COCO, found: Rows) -> set[int]:
    """Ids of the faces that are found at IoU 0.5."""
    return {
        face
        for image in _evaluate(truth, found, iou=0.5, areas=_EVERY_SIZE).evalImgs
        if image is not None
        for face, match in zip(image["gtIds"], image["gtMatches"][0], strict=True)
        if match > 0
    }


def _share(hits: set[int], face_ids: Sequence[int]) -> float:
    return len(hits & set(face_ids)) / len(face_ids) if face_ids else float("nan")


def _evaluate(truth: COCO, found: Rows, *, iou: float, areas: tuple[float, float]) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports by printing
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        for detection in evaluation.cocoDt.anns.values():  # as for the faces
            detection["area"] = min(detection["bbox"][2:]) ** 2
        evaluation.params.iouThrs = np.array([iou])
        evaluation.params.maxDets = [1, 10, 300]
        evaluation.params.areaRng = [list(areas)]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _truth_and_found(scenes: Sequence[Scene], detector: Detector) -> tuple[COCO, Rows]:
    faces: list[dict[str, Any]] = []
    found: list[list[float]] = []
    for scene in scenes:
        crowd = [(box, 0, 1) for box in scene.ignored_xyxy]
        labelled = [(box, c, 0) for box, c in zip(scene.boxes_xyxy, scene.categories, strict=True)]
        for box, status, is_crowd in labelled + crowd:
            xywh = [float(v) for v in (*box[:2], *(box[2:] - box[:2]))]
            face = {"id": len(faces) + 1, "image_id": scene.image_id, "category_id": 1, "bbox": xywh}
            faces.append(face | {"area": min(xywh[2:]) ** 2, "iscrowd": is_crowd, "status": int(status)})
        (result,) = detector.detect([scene.read()])
        for box, score in zip(result.boxes_xyxy, result.scores, strict=True):
            found.append([scene.image_id, *box[:2], *(box[2:] - box[:2]), score, 1])
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": scene.image_id} for scene in scenes],
        "annotations": faces,
        "categories": [{"id": 1, "name": "face"}],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    return truth, np.array(found, np.float64).reshape(-1, 7)
