"""`maskcam export`: weights for other programs, and for machines without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from maskcam.exporting.files import Exported
    from maskcam.weights import ModelCard

_ENDINGS = {
    ".onnx": "onnx",
    ".xml": "openvino",
    ".torchscript": "torchscript",
    ".pt2": "exported-program",
    ".engine": "tensorrt",
}


def export(
    weights: Annotated[
        Path | None,
        typer.Argument(help="A .safetensors file with its card. Default: the shipped classifier."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="File to write. Default: NAME.onnx here."),
    ] = None,
    kind: Annotated[
        Literal["onnx", "openvino", "torchscript", "exported-program", "tensorrt"] | None,
        typer.Option(
            "--format", help="Default: by the ending of FILE: .onnx, .xml, .torchscript, .pt2 or .engine."
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="ONNX: refer to the tensors in the weights file, beside which FILE then has to stay, instead of"
            " copying them.",
        ),
    ] = False,
) -> None:
    """Write weights as ONNX, OpenVINO, TorchScript, an exported program or TensorRT, checked against PyTorch."""
    from rich.console import Console

    from maskcam.exporting.files import ENDINGS
    from maskcam.exporting.files import export as write
    from maskcam.weights import DEFAULT_CLASSIFIER, read_card, shipped_weights

    weights = weights or shipped_weights(DEFAULT_CLASSIFIER)
    chosen = kind or _ENDINGS.get(output.suffix if output else ".onnx", "onnx")
    card = read_card(weights)
    output = output or Path(f"{card.name}{ENDINGS[chosen]}")
    console = Console()
    with console.status(f"exporting {card.name}"):
        done = write(weights, output, kind=chosen, share=share)
    print_exported(console, done, card)


def print_exported(console: Console, done: Exported, card: ModelCard) -> None:
    """Prints what was written, how large it is, how well it agrees and how to use it."""
    from rich.table import Table
    from rich.text import Text

    option = "--weights" if card.task == "classifier" else "--detector-weights"
    size = done.size_bytes / 2**20
    rows = {
        "written": "\n".join(str(path) for path in done.files),
        "size": f"{size:.1f} MiB",
        "takes": _takes(card),
        "gives": _gives(card),
        "agrees": f"with PyTorch within {done.difference:.1g}, run by {' and '.join(done.checked_with)}",
        "use it": f"maskcam watch 0 {option} {done.files[0]}",
    }
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, Text(text))
    console.print(table)


def _takes(card: ModelCard) -> str:
    side = card.input_size if card.task == "classifier" else "a multiple of 32"
    return f"images (batch, height, width, 3) uint8 BGR; height and width {side}"


def _gives(card: ModelCard) -> str:
    if card.task == "classifier":
        return f"logits (batch, {len(card.classes)}): {', '.join(card.classes)}"
    return "face, objectness, boxes and landmarks of every cell, as maskcam/detectors/grid.py reads them"
