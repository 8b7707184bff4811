"""What each backend costs and what it finds, on the CPU: the table of backends in the README.

python -m benchmarks.backends [--split val] [--json benchmarks/results/backends.json]

Milliseconds of processor time, which other programs disturb little, with as many threads as maskcam takes, the backends
in turn within each round: faces looked for in frames of the sample video (1280x720, at 640 pixels), and crops judged in
batches. Accuracy on photographs (`scenes`), with one look as on video and thoroughly as `predict` does it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.accuracy import average_precisions, found_faces, status_figures
from maskcam.backends import Computing
from maskcam.benchmarking.machine import processor
from maskcam.classifiers.base import Classifier
from maskcam.coco import predict_faces, read_image_list
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.detectors.base import Detector
from maskcam.devices import share_cores
from maskcam.engines.base import thread_count
from maskcam.sources import open_source
from maskcam.sources.images import read_image
from train.faces import FaceSet, pictures
from train.labelled import labelled_crops

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"
BACKENDS = {
    "torch, float32": Computing(device="cpu", backend="torch", precision="auto"),
    "onnxruntime, float32": Computing(device="cpu", backend="onnxruntime", precision="auto"),
    "openvino, float32": Computing(device="cpu", backend="openvino", precision="float32"),
    "openvino, bfloat16": Computing(device="cpu", backend="openvino", precision="bfloat16"),
}
BATCHES = (1, 3, 16)
LEAST_SCORE = 0.05  # as for `maskcam predict`


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    share_cores()
    torch.set_num_threads(thread_count())
    results: dict[str, Any] = {"machine": processor()}
    results |= {"threads": thread_count(), "milliseconds": time_all(args.rounds)}
    print(json.dumps(results, indent=2), flush=True)
    annotations = args.data / "scenes" / f"{args.split}.json"
    accuracies = {name: measure(annotations, computing) for name, computing in BACKENDS.items()}
    results[f"scenes/{args.split}"] = accuracies
    print(json.dumps(accuracies, indent=2))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


def time_all(rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of processor time of each job for each backend."""
    with open_source(str(SAMPLE)) as source:
        frames = [frame.image for frame in islice(source, 0, 10 * rounds, 10)]
    detectors = {name: DetectorConfig().build(**computing) for name, computing in BACKENDS.items()}
    classifiers = {name: ClassifierConfig().build(**computing) for name, computing in BACKENDS.items()}
    jobs: dict[str, Mapping[str, Callable[[int], object]]] = {
        "detect, 1 frame": {name: _detection(detector, frames) for name, detector in detectors.items()}
    }
    for batch in BATCHES:
        jobs[f"judge, {batch} crop{'s' * (batch > 1)}"] = {
            name: _judgement(classifier, batch) for name, classifier in classifiers.items()
        }
    figures: dict[str, dict[str, float]] = {name: {} for name in BACKENDS}
    for job, by_backend in jobs.items():
        seconds: dict[str, list[float]] = {name: [] for name in BACKENDS}
        for i in range(rounds):
            for name, work in by_backend.items():
                start = time.process_time()
                work(i)
                seconds[name].append(time.process_time() - start)
        for name, values in seconds.items():  # the first rounds warm up
            figures[name][job] = 1000 * statistics.median(values[rounds // 4 :])
    return figures


def _detection(detector: Detector, frames: list[Any]) -> Callable[[int], object]:
    return lambda i: detector.detect([frames[i % len(frames)]])


def _judgement(classifier: Classifier, batch: int) -> Callable[[int], object]:
    side = classifier.crop.size
    crops = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    return lambda _: classifier.classify(crops)


def measure(annotations: Path, computing: Computing) -> dict[str, float]:
    """Accuracy of one backend."""
    figures: dict[str, float] = {}
    for thorough, looks in ((False, "one look"), (True, "thorough")):
        config = DetectorConfig(minimum_score=LEAST_SCORE, thorough=thorough)
        with (
            config.build(**computing) as detector,
            ClassifierConfig(thorough=thorough).build(**computing) as classifier,
        ):
            predictions = predict(annotations, detector, classifier)
            precisions = average_precisions(annotations, predictions)
            statuses = found_faces(annotations, predictions)
            figures[f"faces AP50, {looks}"] = precisions["AP50 any face"]
            figures[f"statuses mAP50, {looks}"] = precisions["mAP50"]
            figures[f"masked or bare, found faces, {looks}"] = statuses["mask_or_not"]
            crops = labelled_crops(pictures(FaceSet(scenes=annotations, minimum_side=16)), classifier.crop)
            said = [verdict.likeliest for verdict in classifier.classify(crops.images)]
            judged = status_figures(said, crops.statuses, crops.sides)
            figures[f"masked or bare, labelled boxes, {looks}"] = judged["mask_or_not"]
            figures[f"accuracy of three statuses, labelled boxes, {looks}"] = float(
                np.mean([ours is true for ours, true in zip(said, crops.statuses, strict=True)])
            )
    return figures


def predict(annotations: Path, detector: Detector, classifier: Classifier) -> list[dict[str, Any]]:
    """What `maskcam predict` finds."""
    found: list[dict[str, Any]] = []
    for image in read_image_list(annotations):
        found += predict_faces(
            read_image(image.path),
            image.image_id,
            detector=detector,
            classifier=classifier,
            other_classes_from=LEAST_SCORE,
        )
    return found


if __name__ == "__main__":
    main()
