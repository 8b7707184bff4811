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
    from rich.table import Table

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
    table = Table(title=f"Weights in {folder}", title_justify="left", title_style="bold")
    for column in ("name", "task", "classes", "input", "parameters", "MiB"):
        table.add_column(column, justify="right" if column in {"input", "parameters", "MiB"} else "left")
    table.add_column("measured")
    for file, card in cards:
        table.add_row(
            card.name,
            card.task,
            ", ".join(card.classes),
            f"{card.input_size} px",
            f"{card.parameters:,}",
            f"{file.stat().st_size / 2**20:.1f}",
            "\n".join(f"{name}: {_figures(figures)}" for name, figures in card.metrics.items()),
        )
    Console().print(table)


def _figures(figures: dict[str, object]) -> str:
    """The single figures of a card's entry; breakdowns stay in the card."""
    parts = [
        f"{name} {value:.3f}" if isinstance(value, float) else f"{value} {name}"
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]
    return ", ".join(parts)
