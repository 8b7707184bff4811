"""`maskcam models`: the weights at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def models(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with weights. Default: those that come with maskcam.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole cards as JSON.")] = False,
) -> None:
    """List the weights at hand with their measured figures."""
    from rich.console import Console
    from rich.padding import Padding

    from maskcam.errors import WeightsError
    from maskcam.weights import read_card, weights_directory

    folder = folder or weights_directory()
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"no .safetensors files in {folder}")
    cards = [(file, read_card(file)) for file in files]
    if as_json:
        print(json.dumps([card.model_dump(mode="json") for _, card in cards], indent=2))
        return
    console = Console()
    console.print(f"Weights in {folder}")
    for file, card in cards:
        facts = (
            card.task,
            f"{card.input_size} px",
            f"{card.parameters:,} parameters",
            f"{file.stat().st_size / 2**20:.1f} MiB",
            " / ".join(card.classes),
        )
        console.print(f"\n[bold]{card.name}[/]  {', '.join(facts)}")
        for name, figures in card.metrics.items():
            console.print(Padding(f"{name}: {_figures(figures)}", (0, 0, 0, 4)))


def _figures(figures: dict[str, object]) -> str:
    """The single figures of a card's entry; breakdowns stay in the card."""
    parts = [
        f"{name} {value:.3f}" if isinstance(value, float) else f"{value} {name}"
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]
    return ", ".join(parts)
