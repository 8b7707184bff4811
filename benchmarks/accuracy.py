"""Accuracy of the shipped weights on labelled photographs: the figures of the README.

    python benchmarks/accuracy.py [--data ../shared/data] [--json FILE]

Detection: `maskcam predict --coco scenes/test.json`, scored with pycocotools; unlabelled faces (`iscrowd`) are ignored.
Once as it comes, looking at every picture three times, and once with `--fast`, as on video.
Status: faces that were found (IoU at least 0.3), and labelled boxes of at least 16 px cut as the runtime cuts them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskcam.classifiers.torch import TorchClassifier
from maskcam.coco import CATEGORY_IDS
from maskcam.types import MaskStatus
from maskcam.weights import shipped_weights
from train.faces import FaceSet, pictures
from train.judged import STATUSES
from train.judging import match
from train.labelled import LabelledCrops, labelled_crops
from train.scenes import read_scenes
from train.scores import accuracy

BANDS = ((0, 16), (16, 24), (24, 48), (48, 10_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    annotations = args.data / "scenes" / f"{args.split}.json"
    predictions = predict(annotations, "--thorough", size=args.size)
    once = predict(annotations, "--fast", size=args.size)
    figures: dict[str, Any] = {
        f"scenes/{args.split}, detected": average_precisions(annotations, predictions),
        f"scenes/{args.split}, detected with one look": average_precisions(annotations, once),
        f"scenes/{args.split}, status of found faces": found_faces(annotations, predictions),
        f"scenes/{args.split}, labelled boxes": labelled_boxes(annotations),
    }
    if args.split == "test":
        figures["faces/Test"] = folder_faces(args.data / "faces")
    for title, values in figures.items():
        print(title)
        for name, value in values.items():
            print(f"  {name:44} {value:.4f}" if isinstance(value, float) else f"  {name:44} {value}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))


def predict(annotations: Path, looks: str, *, size: int) -> list[dict[str, Any]]:
    """What `maskcam predict` writes for the pictures of a COCO file."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "predictions.json"
        command = [sys.executable, "-m", "maskcam", "predict", "--coco", str(annotations), "-o", str(output)]
        subprocess.run([*command, looks, "--size", str(size)], check=True, stderr=subprocess.DEVNULL)
        results: list[dict[str, Any]] = json.loads(output.read_text())
        return results


def average_precisions(annotations: Path, predictions: list[dict[str, Any]]) -> dict[str, float]:
    """AP at IoU 0.5 of any face, per class and over the classes."""
    truth = quietly(lambda: COCO(str(annotations)))
    figures = {"AP50 any face": evaluate(truth, predictions, any_class=True)[0.5]}
    figures["AP40 any face"] = evaluate(truth, predictions, any_class=True, iou=0.4)[0.4]
    per_class = {
        status: evaluate(truth, predictions, category=CATEGORY_IDS[status])[0.5] for status in STATUSES
    }
    figures |= {f"AP50 {status.value}": value for status, value in per_class.items()}
    figures["mAP50"] = float(np.mean(list(per_class.values())))
    return figures


def evaluate(
    truth: COCO,
    predictions: list[dict[str, Any]],
    *,
    any_class: bool = False,
    category: int | None = None,
    iou: float = 0.5,
) -> dict[float, float]:
    evaluation = COCOeval(truth, quietly(lambda: truth.loadRes(predictions)), "bbox")
    evaluation.params.iouThrs = np.array([iou])
    evaluation.params.maxDets = [1, 10, 300]
    evaluation.params.useCats = int(not any_class)
    if category is not None:
        evaluation.params.catIds = [category]
    quietly(lambda: (evaluation.evaluate(), evaluation.accumulate()))
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    return {iou: float(precision[precision > -1].mean())}


def found_faces(annotations: Path, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """Status accuracy of the labelled faces that were found, in all and by size, and how many were found."""
    said, true, sides, missed = [], [], [], []
    by_image: dict[int, list[dict[str, Any]]] = {}
    for prediction in predictions:
        by_image.setdefault(prediction["image_id"], []).append(prediction)
    statuses = {number: status for status, number in CATEGORY_IDS.items()}
    for scene in read_scenes(annotations):
        mine = by_image.get(scene.image_id, [])
        boxes = np.array([p["bbox"] for p in mine], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        scores = np.array([p["score"] for p in mine], np.float32)
        which = match(scene.boxes_xyxy, boxes, scores)
        for box, category, i in zip(scene.boxes_xyxy, scene.categories, which, strict=True):
            side = float((box[2:] - box[:2]).min())
            missed.append((side, i < 0))
            if i >= 0:
                said.append(statuses[mine[i]["category_id"]])
                true.append(statuses[int(category)])
                sides.append(side)
    figures = status_figures(said, true, np.array(sides))
    for low, high in BANDS:
        inside = [absent for side, absent in missed if low <= side < high]
        figures[f"recall, {band_name(low, high)} ({len(inside)} faces)"] = 1 - float(np.mean(inside))
    return figures


def labelled_boxes(annotations: Path) -> dict[str, Any]:
    """Status accuracy on the labelled boxes of at least 16 px."""
    with TorchClassifier.from_weights(
        shipped_weights("mobilenet_v2"), device=torch.device("cpu")
    ) as classifier:
        crops = labelled_crops(pictures(FaceSet(scenes=annotations, minimum_side=16)), classifier.crop)
        said = [verdict.likeliest for verdict in classifier.classify(crops.images)]
    return status_figures(said, crops.statuses, crops.sides)


def folder_faces(data: Path) -> dict[str, Any]:
    """Accuracy on the study's test pictures, each a face; "incorrect" counts as no mask."""
    with TorchClassifier.from_weights(
        shipped_weights("mobilenet_v2"), device=torch.device("cpu")
    ) as classifier:
        crops = labelled_crops(pictures(FaceSet(kaggle=data, split="test")), classifier.crop)
        said = [verdict.likeliest for verdict in classifier.classify(crops.images)]
    masked = np.array([status is MaskStatus.MASK for status in said])
    truth = np.array([status is MaskStatus.MASK for status in crops.statuses])
    return {"pictures": len(said), "accuracy": float((masked == truth).mean())}


def status_figures(
    said: Iterable[MaskStatus], true: Iterable[MaskStatus], sides: NDArray[np.floating[Any]]
) -> dict[str, Any]:
    said, true = np.array(list(said), object), np.array(list(true), object)
    index = np.array([STATUSES.index(status) for status in said])
    unnamed = ("",) * len(true)
    crops = LabelledCrops(
        np.zeros((0, 1, 1, 3), np.uint8), tuple(true), sides.astype(np.float32), unnamed, unnamed
    )
    figures: dict[str, Any] = {"faces": len(said), **accuracy(index, crops, STATUSES)}
    for low, high in BANDS:
        inside = (sides >= low) & (sides < high)
        if inside.any():
            figures[f"accuracy, {band_name(low, high)} ({inside.sum()} faces)"] = float(
                (said == true)[inside].mean()
            )
    confusion = [[int(((true == t) & (said == s)).sum()) for s in STATUSES] for t in STATUSES]
    figures["confusion (rows true: mask, no_mask, incorrect)"] = confusion
    return figures


def band_name(low: int, high: int) -> str:
    return f"{low}-{high} px" if high < 10_000 else f"{low} px and more"


def quietly(action: Any) -> Any:  # noqa: ANN401  # pycocotools reports by printing
    with contextlib.redirect_stdout(io.StringIO()):
        return action()


if __name__ == "__main__":
    main()
