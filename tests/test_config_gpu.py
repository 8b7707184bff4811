"""Which detector a device gets. There is a CUDA device here only in pretence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from maskcam import backends, config_gpu
from maskcam.backends import Backend, Computing, Precision
from maskcam.config import Config
from maskcam.config_gpu import build_video_detector
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.detectors.base import JudgingDetector
from maskcam.gpu.detector import GpuDetector


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What detectors were made of that judge, too; a device other than the CPU is there."""
    made: list[Mapping[str, Any]] = []

    def from_weights(detector: Path, classifier: Path, **options: Any) -> str:
        made.append({"weights": (detector.stem, classifier.stem), **options})
        return "judging"

    def build(_: DetectorConfig, *, device: str, **__: Any) -> str:
        return f"plain on {device}"

    monkeypatch.setattr(GpuDetector, "from_weights", from_weights)
    monkeypatch.setattr(DetectorConfig, "build", build)
    monkeypatch.setattr(backends, "_is_elsewhere", lambda device: device != "cpu")
    monkeypatch.setattr(config_gpu, "choose_device", torch.device)
    return made


def on(device: str, *, backend: Backend = "auto", precision: Precision = "auto") -> Computing:
    return Computing(device=device, backend=backend, precision=precision)


def test_on_cuda_faces_are_judged_where_they_are_found(made: list[Mapping[str, Any]]) -> None:
    detector = DetectorConfig(size=480, minimum_score=0.4)
    built: object = build_video_detector(
        detector, ClassifierConfig(thorough=True), computing=on("cuda:0", precision="float32")
    )
    assert built == "judging"
    assert made == [
        {
            "weights": ("yunet_n", "mobilenet_v2"),
            "size": 480,
            "minimum_score": 0.4,
            "device": torch.device("cuda:0"),
            "dtype": torch.float32,
            "twice": True,
        }
    ]


def test_half_precision_unless_told_otherwise(made: list[Mapping[str, Any]]) -> None:
    build_video_detector(DetectorConfig(), ClassifierConfig(), computing=on("cuda"))
    assert made[0]["dtype"] == torch.float16


@pytest.mark.parametrize(
    ("detector", "classifier", "computing"),
    [
        (DetectorConfig(), ClassifierConfig(), on("cpu")),
        (DetectorConfig(), ClassifierConfig(), on("cpu", backend="torch")),
        (DetectorConfig(), ClassifierConfig(), on("mps")),
        (DetectorConfig(thorough=True), ClassifierConfig(), on("cuda")),
        (DetectorConfig(), ClassifierConfig(remote="grpc://box"), on("cuda")),
        (DetectorConfig(kind="mediapipe"), ClassifierConfig(), on("cuda")),
        (DetectorConfig(), ClassifierConfig(weights=Path("a.torchscript")), on("cuda")),
        (DetectorConfig(weights=Path("a.pt2")), ClassifierConfig(), on("cuda")),
    ],
)
def test_everything_else_keeps_its_own_way(
    made: list[Mapping[str, Any]],
    detector: DetectorConfig,
    classifier: ClassifierConfig,
    computing: Computing,
) -> None:
    built: object = build_video_detector(detector, classifier, computing=computing)
    assert built == f"plain on {computing['device']}"
    assert made == []


def test_the_pipeline_of_a_cpu_asks_the_classifier() -> None:
    with Config(device="cpu").build_pipeline() as pipeline:
        assert not isinstance(pipeline.detector, JudgingDetector)


def test_every_camera_on_cuda_gets_one(
    made: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClassifierConfig, "build", lambda *_, **__: None)
    config = Config.model_validate(
        {
            "device": "cuda",
            "camera": [{"source": "0", "name": "far", "detector": {"size": 1280}}, {"source": "1"}],
        }
    )
    config.build_pipeline(config.named_cameras())
    assert [one["size"] for one in made] == [640, 1280]
