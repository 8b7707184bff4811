"""Detector and classifier as one, where both compute on a CUDA device."""

from __future__ import annotations

from maskcam.backends import Computing, uses_torch
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.detectors.base import Detector
from maskcam.devices import choose_device
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, shipped_weights


def build_video_detector(
    detector: DetectorConfig, classifier: ClassifierConfig, *, computing: Computing
) -> Detector:
    """Makes a detector for video: one that judges the faces, too, where both networks run in PyTorch on CUDA.

    Thorough detection and MediaPipe keep their own ways, and so do files of `maskcam export` and classifiers on another
    machine.

    Args:
        detector: which one.
        classifier: which one the faces are judged by.
        computing: where and how. Precision float32 holds on CUDA, too; auto is float16 there.

    Raises:
        MaskcamError: see `DetectorConfig.build`.
    """
    faces = detector.weights or shipped_weights(DEFAULT_DETECTOR)
    masks = classifier.weights or shipped_weights(DEFAULT_CLASSIFIER)
    is_plain = detector.kind == "yunet" and not detector.thorough and classifier.remote is None
    if is_plain and all(uses_torch(weights, computing) for weights in (faces, masks)):
        device = choose_device(computing["device"])
        if device.type == "cuda":
            import torch

            from maskcam.gpu.detector import GpuDetector

            return GpuDetector.from_weights(
                faces,
                masks,
                size=detector.size,
                minimum_score=detector.minimum_score,
                device=device,
                dtype=torch.float32 if computing["precision"] == "float32" else torch.float16,
                twice=classifier.thorough,
            )
    return detector.build(**computing)
