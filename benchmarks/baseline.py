"""The program that people write from tutorials, as something to compare with.

    python benchmarks/baseline.py [CLIP] [--detector yunet|mediapipe] [--write OUT.mp4] [--seconds S]

One thread of Python, one frame after another: `cv2.VideoCapture`, a ready-made face detector at the size of the frame,
torchvision's MobileNetV2 at 224 px in float32 on one face after another, boxes drawn with OpenCV, `cv2.VideoWriter`. It
is deliberately plain, and nothing of maskcam is in it. The classifier's weights are random: only its speed counts here.

Models come from `--models`, by default ../shared/pretrained: OpenCV's YuNet (`yunet_n_dynamic.onnx`, which
`cv2.FaceDetectorYN` reads), MediaPipe's full-range `face_detection_full_range_sparse.tflite`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import mediapipe
import numpy as np
import torch
import torchvision

CLIP = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"
MODELS = Path("../shared/pretrained")
MODEL_FILES = {"yunet": "yunet_n_dynamic.onnx", "mediapipe": "face_detection_full_range_sparse.tflite"}
LABELS = ("mask", "no mask", "worn wrong")
SIZE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, RGB

Detect = Callable[[np.ndarray], list[tuple[int, int, int, int]]]
"""From (H, W, 3) uint8 BGR to corners x1, y1, x2, y2 in pixels."""


@dataclass(frozen=True)
class Speed:
    """What came of it."""

    frames: int
    seconds: float
    faces: float
    """Per frame."""

    @property
    def fps(self) -> float:
        return self.frames / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path, default=CLIP)
    parser.add_argument("--detector", choices=MODEL_FILES, default="yunet")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--write", type=Path, metavar="OUT.mp4")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    args = parser.parse_args()
    detect = make_detector(args.detector, args.models / MODEL_FILES[args.detector])
    speed = run(args.clip, detect, make_classifier(), output=args.write, seconds=args.seconds)
    print(f"{speed.fps:.1f} frames per second, {speed.faces:.1f} faces a frame")


def run(
    clip: Path, detect: Detect, classify: torch.nn.Module, *, output: Path | None, seconds: float
) -> Speed:
    """Goes through a clip, once and for so long at most."""
    capture = cv2.VideoCapture(str(clip))
    writer = None
    frames = faces = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        is_read, image = capture.read()
        if not is_read:
            break
        for x1, y1, x2, y2 in detect(image):
            face = image[max(0, y1) : y2, max(0, x1) : x2]
            if not face.size:
                continue
            label, confidence = judge(face, classify)
            cv2.rectangle(image, (x1, y1), (x2, y2), (0, 255, 0), 2)
            cv2.putText(
                image,
                f"{LABELS[label]} {confidence:.0%}",
                (x1, y1 - 8),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.8,
                (0, 255, 0),
                2,
            )
            faces += 1
        if output is not None:
            if writer is None:
                height, width = image.shape[:2]
                fps = capture.get(cv2.CAP_PROP_FPS)
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(output), code, fps, (width, height))
            writer.write(image)
        frames += 1
    if writer is not None:
        writer.release()
    passed = time.perf_counter() - start
    capture.release()
    return Speed(frames, passed, faces / max(frames, 1))


def judge(face: np.ndarray, classify: torch.nn.Module) -> tuple[int, float]:
    """Class and probability of one face, (h, w, 3) uint8 BGR."""
    rgb = cv2.cvtColor(cv2.resize(face, (SIZE, SIZE)), cv2.COLOR_BGR2RGB)
    pixels = (rgb.astype(np.float32) / 255 - MEAN) / DEVIATION
    batch = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).unsqueeze(0)
    with torch.no_grad():
        probabilities = torch.softmax(classify(batch), 1)[0]
    best = int(probabilities.argmax())
    return best, float(probabilities[best])


def make_classifier() -> torch.nn.Module:
    return torchvision.models.mobilenet_v2(weights=None, num_classes=len(LABELS)).eval()


def make_detector(name: str, model: Path) -> Detect:
    """Raises FileNotFoundError where the model is not there."""
    if not model.is_file():
        raise FileNotFoundError(f"no model {model}: name its folder with --models")
    return _yunet(model) if name == "yunet" else _mediapipe(model)


def _yunet(model: Path) -> Detect:
    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.6)

    def detect(image: np.ndarray) -> list[tuple[int, int, int, int]]:
        detector.setInputSize((image.shape[1], image.shape[0]))
        _, rows = detector.detect(image)
        return [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, *_ in ([] if rows is None else rows)]

    return detect


def _mediapipe(model: Path) -> Detect:
    vision = mediapipe.tasks.vision
    base = mediapipe.tasks.BaseOptions(model_asset_path=str(model))
    detector = vision.FaceDetector.create_from_options(
        vision.FaceDetectorOptions(base_options=base, min_detection_confidence=0.5)
    )

    def detect(image: np.ndarray) -> list[tuple[int, int, int, int]]:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        found = detector.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb))
        boxes = [detection.bounding_box for detection in found.detections]
        return [(b.origin_x, b.origin_y, b.origin_x + b.width, b.origin_y + b.height) for b in boxes]

    return detect


if __name__ == "__main__":
    main()
