"""What the choices of a face detector cost, and what they find: the table of detectors in the README.

    python benchmarks/detectors.py [--split val] [--json FILE]

Milliseconds per frame on frames of the sample video (1280x720), the choices in turn within each round, so that a noisy
machine is unfair to none; average precision at IoU 0.5 of any face on photographs (`scenes`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from itertools import islice
from pathlib import Path
from typing import Any

from maskcam.config_sections import DetectorConfig
from maskcam.sources import open_source
from maskcam.types import Image
from maskcam.weights import shipped_weights
from train.metrics import detection_figures
from train.scenes import read_scenes

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"
CHOICES = {
    "yunet_n (default)": {},
    "yunet_n --thorough (default of predict)": {"thorough": True},
    "yunet_l": {"weights": shipped_weights("yunet_l")},
    "yunet_l --size 960": {"weights": shipped_weights("yunet_l"), "size": 960},
    "yunet_l --thorough": {"weights": shipped_weights("yunet_l"), "thorough": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    frames = sample_frames(args.rounds)
    milliseconds = time_detectors(frames)
    scenes = read_scenes(args.data / "scenes" / f"{args.split}.json")
    results: dict[str, Any] = {}
    for name, settings in CHOICES.items():
        with DetectorConfig(**settings, minimum_score=0.05).build(device="cpu") as detector:
            figures = detection_figures(scenes, detector)
        results[name] = {"ms per frame": milliseconds[name], **figures}
        print(f"{name:42} {milliseconds[name]:6.1f} ms  AP50 {figures['AP50']:.4f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({f"scenes/{args.split}": results}, indent=2))


def sample_frames(count: int) -> list[Image]:
    with open_source(str(SAMPLE)) as source:
        return [frame.image for frame in islice(source, 0, 10 * count, 10)]


def time_detectors(frames: list[Image]) -> dict[str, float]:
    """Median milliseconds per frame of each choice."""
    detectors = {name: DetectorConfig(**settings).build(device="cpu") for name, settings in CHOICES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in CHOICES}
    for image in [frames[0], *frames]:  # the first round warms up
        for name, detector in detectors.items():
            start = time.perf_counter()
            detector.detect([image])
            seconds[name].append(time.perf_counter() - start)
    for detector in detectors.values():
        detector.close()
    return {name: 1000 * statistics.median(values[1:]) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
