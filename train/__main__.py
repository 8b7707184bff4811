"""The training command line: `python -m train COMMAND`, from a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskcam.errors import MaskcamError

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


@app.command()
def fit(
    recipe: RecipePath, run: RunFolder = None, output: OutputPath = None, threads: Threads = None
) -> None:
    """Train a mask classifier."""
    from train.fit import train_and_ship

    run = run or Path("runs") / recipe.stem
    _limit(threads)
    print(train_and_ship(recipe, run=run, output=output or run / f"{recipe.stem}.safetensors"))


@app.command()
def detector(
    recipe: RecipePath, run: RunFolder = None, output: OutputPath = None, threads: Threads = None
) -> None:
    """Fine-tune the face detector."""
    from train.detector import train_and_ship

    run = run or Path("runs") / recipe.stem
    _limit(threads)
    print(train_and_ship(recipe, run=run, output=output or run / f"{recipe.stem}.safetensors"))


@app.command()
def cards(
    folder: Annotated[Path, typer.Argument(help="Folder of weights.")] = Path("weights"),
) -> None:
    """Write the README of a folder of weights from its model cards."""
    from train.ship import write_readme

    write_readme(folder)


def _limit(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def main() -> None:
    """Runs the command line; an error is one sentence."""
    try:
        app()
    except MaskcamError as error:
        typer.secho(f"Error: {error}", err=True, fg="red")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
