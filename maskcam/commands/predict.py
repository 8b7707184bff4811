"""`maskcam predict`: pictures to COCO results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from maskcam.commands.options import (
    Backend,
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    Precision,
    Thorough,
    Weights,
    announce,
    make_config,
)


def predict(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="JSON file to write.")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[IMAGE...]", help="Pictures, folders or globs.")
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(metavar="FILE", help="COCO file that lists the pictures, instead of IMAGE.")
    ] = None,
    minimum_score: Annotated[
        float,
        typer.Option("--min-score", min=0, max=1, help="Report faces of at least this face_score."),
    ] = 0.05,  # low, so that average precision can be computed; unlike the score at which people are warned
    one_class: Annotated[
        bool,
        typer.Option(
            "--one-class",
            help="One result per face, for its likeliest class. Default: also one for each other class whose score"
            " reaches --min-score, which is what average precision asks for.",
        ),
    ] = False,
    config_file: ConfigFile = None,
    device: Device = None,
    backend: Backend = None,
    precision: Precision = None,
    weights: Weights = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
) -> None:
    """Find and judge the faces in pictures, and write COCO results."""
    from rich.console import Console
    from rich.progress import track

    from maskcam.coco import list_images, predict_faces, write_predictions
    from maskcam.errors import MaskcamError
    from maskcam.sinks.files import make_folder
    from maskcam.sources.images import read_image

    config = make_config(
        config_file,
        device=device,
        backend=backend,
        precision=precision,
        weights=weights,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
        minimum_score=minimum_score,
    ).for_photographs()
    console = Console(stderr=True)
    images = list_images(inputs or [], coco)
    make_folder(output.parent)  # before any work, not after
    results: list[dict[str, Any]] = []
    failed = 0
    with config.build_pipeline() as pipeline:
        announce(console, pipeline)
        for image in track(images, "Predicting", console=console):
            try:
                pixels = read_image(image.path)
            except MaskcamError as error:
                console.print(f"[red]Failed:[/] {error}")
                failed += 1
                continue
            results += predict_faces(
                pixels,
                image.image_id,
                detector=pipeline.detector,
                classifier=pipeline.classifier,
                other_classes_from=None if one_class else minimum_score,
            )
    write_predictions(results, output)
    faces = sum(result["rank"] == 1 for result in results)
    console.print(f"{faces} faces in {len(images) - failed} of {len(images)} pictures, written to {output}")
    if failed:
        raise typer.Exit(1)
