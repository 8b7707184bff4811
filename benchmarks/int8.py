"""What the shipped classifier costs and finds in int8, beside float32 and bfloat16: why maskcam has no int8.

pip install nncf
python -m benchmarks.int8 [--data ../shared/data] [--json benchmarks/results/int8.json]

Post-training quantisation by NNCF (weights and activations, calibrated on crops of scenes/train), run by OpenVINO, with
what stays unquantised in float32 or bfloat16. Accuracy on the labelled boxes of scenes/val, since test is for what is
shipped. Milliseconds of processor time, with as many threads as maskcam takes, all in turn within each round.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import status_figures
from benchmarks.backends import BATCHES
from maskcam.backends import Precision
from maskcam.benchmarking.machine import processor
from maskcam.classifiers.base import Classifier
from maskcam.config_sections import ClassifierConfig
from maskcam.crops import CropSpec
from maskcam.devices import share_cores
from maskcam.engines.base import thread_count
from maskcam.types import Image
from maskcam.weights import DEFAULT_CLASSIFIER, card_beside, shipped_weights
from train.faces import FaceSet, pictures
from train.labelled import labelled_crops

FIGURES = ("mask_or_not", "incorrect_recall", "false_incorrect")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--crops", type=int, default=300, help="to calibrate on")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if importlib.util.find_spec("nncf") is None:
        raise SystemExit("int8 networks are made with NNCF, which is not installed: run `pip install nncf`")
    share_cores()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        quantised = quantise(Path(folder) / "int8.xml", args.data / "scenes" / "train.json", count=args.crops)
        classifiers = {
            name: stack.enter_context(_classifier(weights, precision))
            for name, weights, precision in (
                ("float32", None, "float32"),
                ("bfloat16", None, "bfloat16"),
                ("int8 and float32", quantised, "float32"),
                ("int8 and bfloat16", quantised, "bfloat16"),
            )
        }
        results = {
            "machine": processor(),
            "threads": thread_count(),
            "calibrated on": args.crops,
            "milliseconds": time_all(classifiers, args.rounds),
            "scenes/val": measure_all(classifiers, args.data / "scenes" / "val.json"),
        }
    print(json.dumps(results, indent=2))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


def _classifier(weights: Path | None, precision: Precision) -> Classifier:
    return ClassifierConfig(weights=weights).build(device="cpu", backend="openvino", precision=precision)


def quantise(output: Path, scenes: Path, *, count: int) -> Path:
    """Writes the shipped classifier in int8, with its card, as a file that maskcam reads."""
    import nncf
    import openvino

    from maskcam.exporting.onnx import to_onnx
    from maskcam.exporting.whole import load_whole

    card, whole = load_whole(shipped_weights(DEFAULT_CLASSIFIER))
    assert card.crop_margin is not None
    crops = list(islice(random_crops(scenes, CropSpec(size=card.input_size, margin=card.crop_margin)), count))
    model = openvino.Core().read_model(to_onnx(whole, card))
    small = nncf.quantize(model, nncf.Dataset(crops), preset=nncf.QuantizationPreset.MIXED, subset_size=count)
    openvino.save_model(small, output, compress_to_fp16=False)
    digest = hashlib.sha256(output.with_suffix(".bin").read_bytes()).hexdigest()
    card_beside(output).write_text(card.model_copy(update={"sha256": digest}).model_dump_json())
    return output


def random_crops(scenes: Path, spec: CropSpec) -> Iterator[Image]:
    """(1, S, S, 3) crops of faces as the runtime cuts them, of photographs in random order."""
    found = pictures(FaceSet(scenes=scenes, minimum_side=16))
    random.Random(0).shuffle(found)
    for picture in found:
        yield from labelled_crops([picture], spec).images[:, None]


def time_all(classifiers: Mapping[str, Classifier], rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of processor time for each batch and classifier."""
    rng = np.random.default_rng(0)
    figures: dict[str, dict[str, float]] = {name: {} for name in classifiers}
    for batch in BATCHES:
        seconds: dict[str, list[float]] = {name: [] for name in classifiers}
        side = next(iter(classifiers.values())).crop.size
        crops = rng.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
        for _ in range(rounds):
            for name, classifier in classifiers.items():
                start = time.process_time()
                classifier.classify(crops)
                seconds[name].append(time.process_time() - start)
        for name, values in seconds.items():  # the first rounds warm up
            job = f"{batch} crop{'s' * (batch > 1)}"
            figures[name][job] = 1000 * statistics.median(values[rounds // 4 :])
    return figures


def measure_all(classifiers: Mapping[str, Classifier], scenes: Path) -> dict[str, dict[str, Any]]:
    """How well each judges the labelled faces of some scenes."""
    crop = next(iter(classifiers.values())).crop
    crops = labelled_crops(pictures(FaceSet(scenes=scenes, minimum_side=16)), crop)
    results = {}
    for name, classifier in classifiers.items():
        said = [verdict.likeliest for verdict in classifier.classify(crops.images)]
        figures = status_figures(said, crops.statuses, crops.sides)
        right = [ours is true for ours, true in zip(said, crops.statuses, strict=True)]
        results[name] = {"faces": len(crops), "accuracy": float(np.mean(right))}
        results[name] |= {figure: figures[figure] for figure in FIGURES}
    return results


if __name__ == "__main__":
    main()
