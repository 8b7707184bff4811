"""The training command line: `python -m train COMMAND`, from a checkout."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.errors import MaskcamError

if TYPE_CHECKING:
    from maskcam.weights import ModelCard

app = typer.Typer(help="Trains the weights of maskcam.", no_args_is_help=True, pretty_exceptions_enable=False)

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="TOML file; see train/recipes.")]
RunFolder = Annotated[
    Path | None,
    typer.Option("--run", help="Folder for the checkpoint; a run found there goes on. Default: runs/NAME."),
]
OutputPath = Annotated[
    Path | None, typer.Option("-o", "--output", help="Weights to write. Default: RUN/NAME.safetensors.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads to use.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Devices = Annotated[
    int,
    typer.Option(
        "--devices", min=1, help="Processes that share each batch, one per GPU; torchrun starts its own."
    ),
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the recipe.")
]


class ProtocolName(StrEnum):
    """How the study's data are split."""

    PAPER = "paper"
    LEAK_FREE = "leak_free"


@app.command()
def fit(
    recipe: RecipePath,
    run: RunFolder = None,
    output: OutputPath = None,
    changes: Changes = None,
    protocol: Annotated[ProtocolName | None, typer.Option(help="Split of the study's data.")] = None,
    device: DeviceName = "auto",
    devices: Devices = 1,
    threads: Threads = None,
) -> None:
    """Train a mask classifier."""
    from train.ending import ended_together
    from train.fit import train_and_ship
    from train.hardware import launch
    from train.recipe import ClassifierRecipe, read_recipe

    run = run or Path("runs") / recipe.stem
    settings = read_recipe(
        recipe, ClassifierRecipe, changes=changes or (), protocol=protocol.value if protocol else None
    )
    fabric = launch(
        device,
        devices=devices,
        precision=settings.precision,
        threads=threads,
        freezes=settings.frozen_epochs > 0,
    )
    command = " ".join(
        ["python -m train fit", str(recipe)]
        + [f"--set {change}" for change in changes or ()]
        + ([f"--protocol {protocol.value}"] if protocol else [])
    )
    output = output or run / f"{run.name}.safetensors"
    with ended_together(fabric):
        card = train_and_ship(settings, run=run, output=output, fabric=fabric, command=command)
    _announce(card, output)


@app.command()
def average(
    recipe: RecipePath,
    weights: Annotated[list[Path], typer.Argument(metavar="WEIGHTS...", help="Of the same start.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights to write.")],
    protocol: Annotated[ProtocolName | None, typer.Option(help="Split of the study's data.")] = None,
) -> None:
    """Average the weights of several runs, calibrate and measure them as a recipe says."""
    from train.fit import average_and_ship
    from train.recipe import ClassifierRecipe, read_recipe

    settings = read_recipe(recipe, ClassifierRecipe, protocol=protocol.value if protocol else None)
    command = " ".join(["python -m train average", str(recipe), *map(str, weights)])
    _announce(average_and_ship(weights, settings, output=output, command=command), output)


@app.command()
def detector(
    recipe: RecipePath,
    run: RunFolder = None,
    output: OutputPath = None,
    changes: Changes = None,
    device: DeviceName = "auto",
    devices: Devices = 1,
    threads: Threads = None,
) -> None:
    """Fine-tune the face detector."""
    from train.detector import train_and_ship
    from train.ending import ended_together
    from train.hardware import launch
    from train.recipe import DetectorRecipe, read_recipe

    run = run or Path("runs") / recipe.stem
    settings = read_recipe(recipe, DetectorRecipe, changes=changes or ())
    fabric = launch(
        device,
        devices=devices,
        precision=settings.precision,
        threads=threads,
        freezes=settings.frozen_epochs > 0,
    )
    command = " ".join(
        ["python -m train detector", str(recipe)] + [f"--set {change}" for change in changes or ()]
    )
    output = output or run / f"{run.name}.safetensors"
    with ended_together(fabric):
        card = train_and_ship(settings, run=run, output=output, fabric=fabric, command=command)
    _announce(card, output)


@app.command()
def evaluate(
    weights: Annotated[
        Path, typer.Argument(metavar="WEIGHTS_OR_RUN", help=".safetensors file, or folder of a run.")
    ],
    on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SPEC",
            help="Test set: COCO file, folder with a sub-folder per class, or the study's folder, with :leak_free "
            "behind it if split anew. Default: those of the run's recipe, or the standard ones in --data.",
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder with scenes/ and faces/.")] = Path("../shared/data"),
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the results. Default: the run's."),
    ] = None,
    detector: Annotated[
        Path | None,
        typer.Option("--detector", help="Weights that find the faces of scenes. Default: the shipped ones."),
    ] = None,
    scales: Annotated[
        bool, typer.Option("--scales/--no-scales", help="Also judge boxes drawn tighter and looser.")
    ] = True,
    device: DeviceName = "auto",
    threads: Threads = None,
) -> None:
    """Measure a classifier on test sets: figures with intervals, by face size and by source."""
    import torch
    from rich.console import Console

    from train.evaluate import evaluate as run_evaluation

    if threads is not None:
        torch.set_num_threads(threads)
    run_evaluation(
        weights,
        on=on or (),
        data=data,
        output=output,
        detector_weights=detector,
        device=device,
        scales=scales,
        console=Console(),
    )


@app.command()
def measure(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="Face detector: a .safetensors file.")],
    scenes: Annotated[list[Path], typer.Argument(metavar="SCENES...", help="COCO files.")],
    device: DeviceName = "auto",
) -> None:
    """Measure a face detector on scenes and write the figures into its card."""
    from maskcam.devices import choose_device
    from train.detector import measure as measure_detector

    _announce(measure_detector(weights, scenes, device=choose_device(device)), weights)


@app.command()
def compare(
    runs: Annotated[Path, typer.Argument(metavar="RUNS_DIR", help="Folder of runs.")] = Path("runs"),
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.md", help="Also write the tables as Markdown."),
    ] = None,
) -> None:
    """Show the study's table for all runs, its figures beside ours."""
    from rich.console import Console

    from train.compare import compare as compare_runs

    compare_runs(runs, output=output, console=Console())


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="report.html in one file, or report.md with pictures."
        ),
    ],
) -> None:
    """Write a page with curves, figures and plots of runs."""
    from train.report import write_report

    print(write_report(runs, output))


@app.command()
def cards(
    folder: Annotated[Path, typer.Argument(help="Folder of weights.")] = Path("weights"),
) -> None:
    """Write the README of a folder of weights from its model cards."""
    from train.ship import write_readme

    write_readme(folder)


def _announce(card: ModelCard | None, output: Path) -> None:
    from train.ship import figures_text

    if card is not None:
        print(f"Wrote {output}, {card.parameters:,} parameters")
        for test, figures in card.metrics.items():
            print(f"  {test}: {figures_text(figures)}")


def main() -> None:
    """Runs the command line; an error is one sentence."""
    try:
        app()
    except MaskcamError as error:
        typer.secho(f"Error: {error}", err=True, fg="red")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
