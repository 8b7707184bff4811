"""Flags that several commands share. Their defaults stand in `maskcam.config`: None means "not given"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from maskcam.config import Config
    from maskcam.pipeline import Pipeline

ConfigFile = Annotated[
    Path | None, typer.Option("-c", "--config", help="TOML file with settings; flags win over it.")
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps. Default: auto.")]
Backend = Annotated[
    str | None,
    typer.Option(
        help="Library that runs the networks: openvino, onnxruntime, torch or auto, which takes torch on a GPU and the"
        " fastest one installed on the CPU. Default: auto."
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Arithmetic of openvino: float32, bfloat16 or auto, bfloat16 where the CPU has it; of CUDA: float32 or"
        " auto, float16. Default: auto."
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Classifier to use: a .safetensors file with its card, or a file of `maskcam export`."
        " Default: the shipped one."
    ),
]
RemoteClassifier = Annotated[
    str | None,
    typer.Option(
        "--classifier",
        metavar="remote=URL",
        help="Have faces judged by a `maskcam serve-model`: remote=grpc://host:9100. Default: this machine judges.",
    ),
]
DetectorKind = Annotated[str | None, typer.Option("--detector", help="yunet or mediapipe. Default: yunet.")]
DetectorWeights = Annotated[
    Path | None,
    typer.Option(
        help="Detector to use: .safetensors or a file of `maskcam export` (yunet), .tflite (mediapipe)."
    ),
]
DetectionSize = Annotated[
    int | None,
    typer.Option("--size", help="Longest side in pixels at which faces are looked for. Default: 640."),
]
Thorough = Annotated[
    bool | None,
    typer.Option(
        "--thorough/--fast",
        help="Look for faces and judge them several times, or once. Default: thorough for predict, else fast.",
    ),
]

Transport = Annotated[
    str | None, typer.Option(help="RTSP over tcp, which arrives whole, or udp. Default: tcp.")
]

HardwareDecode = Annotated[
    str | None,
    typer.Option(
        "--hwaccel",
        help="Decode on an NVIDIA card: cuda, none, or auto, recordings where there is one. Default: auto.",
    ),
]

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="Event store: an SQLite file, or postgresql://user:password@host/database. Default: the one of -c FILE.",
    ),
]

BlurFaces = Annotated[
    str | None,
    typer.Option(
        "--blur",
        help="Make faces unrecognisable in all pictures: all, compliant (who breaks no rule) or none. Default: none.",
    ),
]
Snapshots = Annotated[
    bool | None,
    typer.Option("--snapshots/--no-snapshots", help="Save pictures of violations. Default: --snapshots."),
]
Clips = Annotated[
    bool | None,
    typer.Option(
        "--clips/--no-clips", help="Save a clip of each violation. Default: --clips, where snapshots are."
    ),
]
StatisticsOnly = Annotated[
    bool | None,
    typer.Option("--statistics-only", help="Save no picture at all, only what happened and counts."),
]


def make_config(
    file: Path | None,
    *,
    device: str | None,
    weights: Path | None,
    detector: str | None,
    detector_weights: Path | None,
    size: int | None,
    backend: str | None = None,
    precision: str | None = None,
    thorough: bool | None = None,
    minimum_score: float | None = None,
    classifier: str | None = None,
    video: bool | None = None,
    transport: str | None = None,
    hardware_decode: str | None = None,
    store: str | None = None,
    blur: str | None = None,
    snapshots: bool | None = None,
    clips: bool | None = None,
    statistics_only: bool | None = None,
) -> Config:
    """The settings of a file with the flags laid over them."""
    from maskcam.config import load_config

    return load_config(
        file,
        {
            "device": device,
            "backend": backend,
            "precision": precision,
            "classifier.weights": weights,
            "classifier.remote": remote_address(classifier),
            "detector.kind": detector,
            "detector.weights": detector_weights,
            "detector.size": size,
            "detector.thorough": thorough,
            "classifier.thorough": thorough,
            "detector.minimum_score": minimum_score,
            "recording.video": video,
            "cameras.transport": transport,
            "cameras.hardware_decode": hardware_decode,
            "store.url": store,
            "privacy.blur": blur,
            "privacy.snapshots": snapshots,
            "clips.enabled": clips,
            "privacy.statistics_only": statistics_only,
        },
    )


def remote_address(classifier: str | None) -> str | None:
    """The address in `--classifier remote=URL`.

    Raises:
        InputError: something else was given.
    """
    from maskcam.errors import InputError

    if classifier is None:
        return None
    kind, _, url = classifier.partition("=")
    if kind != "remote" or not url:
        raise InputError(
            "--classifier takes remote=grpc://HOST:PORT, of a `maskcam serve-model`; other weights are given by"
            " --weights"
        )
    return url


def announce(console: Console, pipeline: Pipeline) -> None:
    """Says where the networks compute, and goes on to say so when that changes: a fallback must never be silent."""
    from rich.markup import escape

    from maskcam.detectors.base import JudgingDetector

    pipeline.classifier.announce_to(lambda text: console.print(escape(f"{text[0].upper()}{text[1:]}")))
    detector, classifier = pipeline.detector.device, pipeline.classifier.device
    if detector == classifier or isinstance(pipeline.detector, JudgingDetector):
        console.print(f"[dim]device: {detector}[/]")
    else:
        console.print(f"[dim]device: detector {detector}; classifier {classifier}[/]")
