"""What a card could do at most, and what a network asks of it at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Peaks:
    """Of one card, from its data sheet.

    Attributes:
        flops: float16 operations per second, dense, on tensor cores.
        bytes_per_second: of its memory.
    """

    flops: float
    bytes_per_second: float


_PEAKS = {  # the longest name that fits counts
    "NVIDIA H100": Peaks(989.4e12, 3.35e12),  # SXM5: "NVIDIA H100 80GB HBM3"
    "NVIDIA H100 PCIe": Peaks(756e12, 2.0e12),
    "NVIDIA H100 NVL": Peaks(835.5e12, 3.9e12),
    "NVIDIA H200": Peaks(989.4e12, 4.8e12),
    "NVIDIA H200 NVL": Peaks(835.5e12, 4.8e12),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What a network asks for.

    Attributes:
        flops: two for each multiplication with its addition.
        bytes: see `work_of`.
    """

    flops: float
    bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, count: float) -> Work:
        return Work(self.flops * count, self.bytes * count)


def peaks_of(name: str) -> Peaks | None:
    """Of a card by the name that PyTorch gives it; None: unknown."""
    fitting = [known for known in _PEAKS if name.startswith(known)]
    return _PEAKS[max(fitting, key=len)] if fitting else None


def work_of(network: nn.Module, example: Tensor) -> Work:
    """What a network asks of a card for one picture in float16.

    Every convolution and linear layer reads its input and writes its output once, 2 bytes a value; all else is taken to
    happen on the way. Weights stay in the cache.

    Args:
        network: float32, on the CPU.
        example: (1, 3, h, w) float32.
    """
    moved = 0

    def count(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal moved
        moved += 2 * (inputs[0].numel() + output.numel())

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(example)
    for hook in hooks:
        hook.remove()
    return Work(counter.get_total_flops(), moved)


def fractions(per_second: float, work: Work, peaks: Peaks | None) -> dict[str, Any]:
    """Which part of a card's limits is used.

    Args:
        per_second: how often the work is done.
        work: at a time.
        peaks: of the card.
    """
    if peaks is None:
        return {"of_arithmetic": "unknown", "of_memory": "unknown"}
    return {
        "of_arithmetic": round(per_second * work.flops / peaks.flops, 4),
        "of_memory": round(per_second * work.bytes / peaks.bytes_per_second, 4),
    }
