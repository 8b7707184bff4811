"""Writes trained weights with their model card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from maskcam.weights import ModelCard, read_card


def ship(network: nn.Module, path: Path, **card: Any) -> ModelCard:  # noqa: ANN401  # the card checks them
    """Writes `path` (safetensors, float16) and the card beside it.

    Args:
        network: its parameters and buffers are written.
        path: ends in `.safetensors`.
        card: the fields of `ModelCard`, but for `name`, `parameters` and `sha256`, which follow from the file.

    Returns:
        The card.
    """
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in network.state_dict().items()
    }
    data = save(tensors)
    made = ModelCard(
        name=path.stem,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        sha256=hashlib.sha256(data).hexdigest(),
        licence="Apache-2.0",
        **card,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_suffix(".json").write_text(made.model_dump_json(indent=2) + "\n")
    return made


def replace_metrics(weights: Path, metrics: dict[str, dict[str, Any]]) -> ModelCard:
    """Writes new figures into the card beside a weights file, and returns it."""
    card = read_card(weights).model_copy(update={"metrics": metrics})
    weights.with_suffix(".json").write_text(card.model_dump_json(indent=2) + "\n")
    return card


def write_readme(folder: Path) -> None:
    """Writes `README.md` of a folder of weights from the cards in it."""
    parts = ["# Weights", "", "Generated from the model cards by `python -m train cards`.", ""]
    for weights in sorted(folder.glob("*.safetensors")):
        card = read_card(weights)
        facts = {
            "task": card.task,
            "architecture": f"{card.architecture}, {card.parameters:,} parameters, {card.input_size} px",
            "classes": ", ".join(card.classes),
            "trained on": card.training_data,
            "protocol": card.protocol,
            "made by": f"`{card.command}`",
            "licence": card.licence,
            "SHA-256": f"`{card.sha256}`",
        }
        parts += [f"## {card.name}", "", "| | |", "|---|---|"]
        parts += [f"| {name} | {value} |" for name, value in facts.items()]
        parts += [f"| **{test}** | {figures_text(figures)} |" for test, figures in card.metrics.items()]
        parts.append("")
    (folder / "README.md").write_text("\n".join(parts))


def figures_text(figures: dict[str, Any]) -> str:
    """`accuracy 0.9871; faces 123; by side: ...`."""
    texts = []
    for name, value in figures.items():
        if isinstance(value, dict):
            texts.append(f"{name}: " + ", ".join(f"{key} {part:.3f}" for key, part in value.items()))
        else:
            texts.append(f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}")
    return "; ".join(texts)


def round_to_half(network: nn.Module) -> None:
    """Rounds a network to what its float16 file will hold, so that figures are measured on what is shipped."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half())
