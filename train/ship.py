"""Writes trained weights with their model card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from maskcam.weights import ModelCard


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


def round_to_half(network: nn.Module) -> None:
    """Rounds a network to what its float16 file will hold, so that figures are measured on what is shipped."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half())
