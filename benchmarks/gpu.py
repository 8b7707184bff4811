"""How fast the GPU path is, how near to the card's limits, and how near to what the CPU finds.

python -m benchmarks.gpu [--cameras 64] [--seconds 5] [--json benchmarks/results/gpu.json]

Crops per second of the classifier by size of batch, crops being on the device already. Steps per second for many
cameras of 1280x720, frames decoded and in memory as 4:2:0: the device's part (upload, faces, verdicts, copy back), and
all of `Pipeline.step` without economy, so that every frame is searched and every face judged. Each as a fraction of the
card's limits:

    of_arithmetic = per second * operations / the card's dense float16 operations per second
    of_memory     = per second * bytes that must move at least / the card's memory bandwidth

where operations and bytes are those of the networks (`benchmarks.gpu_limits`), and for a step of both networks for its
frames and faces, with the frames' own bytes: read as uploaded, written and read twice as float32 BGR. `of_link` is the
part of a step that the upload alone takes at the measured rate of copies from page-locked memory.

Needs torch, torchvision, numpy, opencv, pydantic and safetensors, no decoder. Without the `trackers` library every face
is a person of its own, which the results say. Exit code 2 where the device is not there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu_limits import Work, fractions, peaks_of, work_of
from maskcam.benchmarking.machine import describe_machine
from maskcam.classifiers.fixed import FixedClassifier
from maskcam.classifiers.torch import TorchClassifier
from maskcam.crops import CropSpec, cut_crops
from maskcam.detectors.letterbox import input_shape
from maskcam.detectors.yunet import YuNetDetector
from maskcam.gpu import judging
from maskcam.gpu.detector import GpuDetector
from maskcam.gpu.judging import Judge
from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.pipeline import Pipeline
from maskcam.pixels import ArrayPixels, Coding, Planes, glance_step
from maskcam.trackers.base import Tracker
from maskcam.trackers.still import StillTracker
from maskcam.types import Frame, Image, MaskStatus, Sighting
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, load_weights, shipped_weights

STILLS = Path(__file__).resolve().parents[1] / "samples" / "stills"
SIZE = 640
LEAST_SCORE = 0.3
SIZE_WH = (1280, 720)
FPS = 25
STEPS_APART = 8
"""Different frames of each camera, shown in turn."""


class PlanarImage(ArrayPixels):
    """A picture as a decoder would have it, made of one that is BGR."""

    __slots__ = ("_planes",)

    def __init__(self, image: Image) -> None:
        height, width = image.shape[:2]
        rows = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        super().__init__(np.asarray(cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_I420), np.uint8))
        chroma = rows[height:].reshape(2, height // 2, width // 2)
        self._planes = Planes(rows[:height], (chroma[0], chroma[1]), Coding(0.299, 0.114, is_full=False))

    def planes(self) -> Planes:
        return self._planes

    def glance(self) -> NDArray[np.uint8]:
        step = glance_step(self.size_wh)
        return np.ascontiguousarray(self._planes.luma[::step, ::step])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cpu tries the script out; its figures mean nothing")
    parser.add_argument("--cameras", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("there is no CUDA device on this machine: run this on one that has a GPU", file=sys.stderr)
        raise SystemExit(2)
    results = measure(device, cameras=args.cameras, seconds=args.seconds)
    text = json.dumps(results, indent=2)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


def measure(device: torch.device, *, cameras: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    peaks = peaks_of(name)
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    card, network = load_weights(shipped_weights(DEFAULT_CLASSIFIER), architectures=CLASSIFIERS)
    _, yunet = load_weights(shipped_weights(DEFAULT_DETECTOR), architectures=DETECTORS)
    per_crop = work_of(network, torch.zeros(1, 3, card.input_size, card.input_size))
    per_frame = work_of(yunet, torch.zeros(1, 3, *input_shape(SIZE_WH, size=SIZE)))
    machine = describe_machine()
    results: dict[str, Any] = {
        "card": name,
        "peaks": "unknown"
        if peaks is None
        else {"flops": peaks.flops, "bytes_per_second": peaks.bytes_per_second},
        "machine": {
            "processor": machine.processor,
            "cores": machine.cores,
            "libraries": dict(machine.libraries),
        },
        "arithmetic": str(dtype).removeprefix("torch."),
    }
    judge = Judge(network, card, device=device, dtype=dtype)
    results["classifier"] = {
        size: {"crops_per_second": round(rate), **fractions(rate, per_crop, peaks)}
        for size in (judging.SIZES if device.type == "cuda" else judging.SIZES[:1])
        for rate in [size * judge_rate(judge, size, device=device, seconds=seconds)]
    }
    with GpuDetector.from_weights(
        shipped_weights(DEFAULT_DETECTOR),
        shipped_weights(DEFAULT_CLASSIFIER),
        size=SIZE,
        minimum_score=LEAST_SCORE,
        device=device,
        dtype=dtype,
    ) as detector:
        steps = make_steps(cameras)
        faces = sum(
            len(sighting.faces) for sighting in detector.detect_and_judge([f.pixels for f in steps[0]])
        )
        pixels = cameras * SIZE_WH[0] * SIZE_WH[1]
        work = per_frame * cameras + per_crop * faces + Work(0, pixels * (1.5 + 3 * 12))
        link = link_bytes_per_second(device, seconds=seconds)
        results["step"] = {"cameras": cameras, "size_wh": SIZE_WH, "faces": faces}
        for kind, rate in step_rates(detector, steps, device=device, seconds=seconds).items():
            results["step"][kind] = {
                "steps_per_second": round(rate, 2),
                "frames_per_second": round(rate * cameras, 1),
                **fractions(rate, work, peaks),
                "of_link": round(rate * 1.5 * pixels / link, 4),
            }
        results["step"]["tracker"] = (
            "ByteTrack" if has_trackers() else "none: the library trackers is missing"
        )
        results["step"]["device_stages_ms"] = stage_milliseconds(detector, steps[0], device=device)
        results["link_gigabytes_per_second"] = round(link / 1e9, 2)
        results["parity_with_cpu_float32"] = parity(detector)
    return results


def per_second(work: Callable[[], object], *, device: torch.device, seconds: float) -> float:
    """How often something is done, its wait for the device included once at the end."""
    for _ in range(3):
        work()
    _wait(device)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(4):
            work()
        _wait(device)
        count += 4
    return count / (time.perf_counter() - start)


def judge_rate(judge: Judge, size: int, *, device: torch.device, seconds: float) -> float:
    """Batches per second."""
    crops = torch.randint(0, 256, (size, 3, judge.crop.size, judge.crop.size), device=device).float()
    with torch.inference_mode():
        return per_second(lambda: judge.judge(crops), device=device, seconds=seconds)


def link_bytes_per_second(device: torch.device, *, seconds: float) -> float:
    """Of copies from page-locked memory to the device, 64 MiB each."""
    here = torch.zeros(2**26, dtype=torch.uint8, pin_memory=device.type == "cuda")
    there = torch.empty_like(here, device=device)
    rate = per_second(lambda: there.copy_(here, non_blocking=True), device=device, seconds=min(1, seconds))
    return rate * len(here)


def make_steps(cameras: int) -> list[list[Frame]]:
    """Frames of all cameras for a few steps: the group of the samples, each camera's and each step's a little aside."""
    group = _read(STILLS / "group.jpg")
    if group.shape[1::-1] != SIZE_WH:
        raise ValueError(f"samples/stills/group.jpg must be of {SIZE_WH}, got {group.shape[1::-1]}")

    def frame(camera: int, step: int) -> Frame:
        pixels = PlanarImage(np.roll(group, 6 * camera + 4 * step, axis=1))
        return Frame(pixels, step, step / FPS, 0.0, f"camera {camera}")

    return [[frame(camera, step) for camera in range(cameras)] for step in range(STEPS_APART)]


def step_rates(
    detector: GpuDetector, steps: Sequence[Sequence[Frame]], *, device: torch.device, seconds: float
) -> dict[str, float]:
    """Steps per second of the device's part, and of everything."""
    shown = 0

    def frames() -> list[Frame]:
        """Those of the next step, at their time."""
        nonlocal shown
        shown += 1
        return [
            Frame(frame.pixels, shown, shown / FPS, 0.0, frame.camera) for frame in steps[shown % len(steps)]
        ]

    pipeline = Pipeline(
        detector=detector,
        classifier=FixedClassifier(
            {MaskStatus.MASK: 1.0}, crop=CropSpec(size=32, margin=0.0)
        ),  # asked for nothing
        new_tracker=make_tracker,
        voting=VotingOptions(),
        violations=ViolationOptions(),
    )
    return {
        "device_part": per_second(
            lambda: detector.detect_and_judge([frame.pixels for frame in frames()]),
            device=device,
            seconds=seconds,
        ),
        "whole": per_second(lambda: pipeline.step(frames()), device=device, seconds=seconds),
    }


def stage_milliseconds(
    detector: GpuDetector, frames: Sequence[Frame], *, device: torch.device
) -> dict[str, float]:
    """Where the device's part spends its time; each stage is waited for, which takes longer than it does at work."""
    pictures = [frame.pixels for frame in frames]
    spent: dict[str, list[float]] = {"upload": [], "find": [], "cut": [], "judge": []}
    with torch.inference_mode():
        for _ in range(5):
            times = [time.perf_counter()]

            def stamp() -> None:
                _wait(device)
                times.append(time.perf_counter())  # noqa: B023  used within this turn only

            batches = detector._uploader.upload(pictures)
            stamp()
            found = detector._finder.find(batches).rows(0, judging.batch_size(detector._count))
            stamp()
            crops = judging.cut_crops(batches, found.owners, found.boxes_xyxy, detector._judge.crop)
            stamp()
            detector._judge.judge(crops)
            stamp()
            for stage, start, end in zip(spent, times, times[1:], strict=False):
                spent[stage].append(1000 * (end - start))
    return {stage: round(float(np.median(turns)), 3) for stage, turns in spent.items()}


def parity(detector: GpuDetector) -> dict[str, Any]:
    """Largest differences from detector, crops and classifier on the CPU in float32, over the sample stills."""
    pictures = [PlanarImage(_read(path)) for path in sorted(STILLS.glob("*.jpg"))]
    cpu = torch.device("cpu")
    classifier = TorchClassifier.from_weights(shipped_weights(DEFAULT_CLASSIFIER), device=cpu)
    with YuNetDetector.from_weights(
        shipped_weights(DEFAULT_DETECTOR), size=SIZE, minimum_score=LEAST_SCORE, device=cpu
    ) as plain:
        found = plain.detect(pictures)
    expected = [
        Sighting(faces, tuple(classifier.classify(cut_crops(picture, faces.boxes_xyxy, classifier.crop))))
        for picture, faces in zip(pictures, found, strict=True)
    ]
    ours = detector.detect_and_judge(pictures)
    pairs = [(a, b) for a, b in zip(ours, expected, strict=True) if len(a.faces) == len(b.faces)]
    verdicts = [both for a, b in pairs for both in zip(a.verdicts or (), b.verdicts or (), strict=True)]
    return {
        "pictures": len(pictures),
        "pictures_with_as_many_faces": len(pairs),
        "faces": len(verdicts),
        "same_status": sum(a.status is b.status for a, b in verdicts),
        "box_pixels": round(max(_apart(a.faces.boxes_xyxy, b.faces.boxes_xyxy) for a, b in pairs), 4),
        "score": round(max(_apart(a.faces.scores, b.faces.scores) for a, b in pairs), 5),
        "probability": round(
            max(abs(a.probabilities[s] - b.probabilities[s]) for a, b in verdicts for s in a.probabilities), 5
        ),
    }


def has_trackers() -> bool:
    """Whether ByteTrack can be had."""
    return importlib.util.find_spec("trackers") is not None


def make_tracker() -> Tracker:
    """One for one camera, as `maskcam` has it."""
    if not has_trackers():
        return StillTracker(minimum_score=0.6)
    from maskcam.trackers.bytetrack import ByteTrack

    return ByteTrack(minimum_score=0.6, confirm_frames=3, lost_seconds=1.5)


def _read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max(initial=0))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
