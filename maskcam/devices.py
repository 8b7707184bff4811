"""Where networks compute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from maskcam.errors import ConfigError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")

ACCELERATORS = tuple(Path("/dev") / name for name in ("nvidiactl", "nvidia0", "dxg", "kfd"))
"""Linux has one of these where PyTorch may find an accelerator: NVIDIA's driver, Windows' in WSL, AMD's."""


def share_cores() -> None:
    """Lets PyTorch's threads sleep while they wait for each other; to be called before PyTorch is imported.

    They would spin: where cores are also decoding cameras, or another program is at work, a detection on two cores
    then takes up to a second instead of 12 ms. `OMP_WAIT_POLICY` in the environment wins.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def choose_device(name: str) -> torch.device:
    """Resolves a device by name.

    Args:
        name: `auto` takes CUDA, then MPS, then the CPU; `cuda:1` and the like are fine too.

    Raises:
        ConfigError: the name is unknown, or the device asked for is not there. Nothing else is taken instead.
    """
    import torch

    kind = name.partition(":")[0]
    if kind not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, got {name!r}")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    if not present[kind]:
        raise ConfigError(f"device {name!r} was asked for but PyTorch finds none; use --device auto or cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device must be like cuda or cuda:0, got {name!r}") from error
    if kind == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r} was asked for but there are {torch.cuda.device_count()} CUDA devices"
        )
    return device


def describe_device(name: str) -> str:
    """A device's name with the model of the card, as shown to the user."""
    import torch

    device = torch.device(name)
    if device.type == "cuda":
        return f"{name} ({torch.cuda.get_device_name(device)})"
    return f"{name} ({torch.get_num_threads()} threads)" if device.type == "cpu" else name


def describe_torch(device: torch.device) -> str:
    """The same with the library and the arithmetic."""
    return f"{describe_device(str(device))}, PyTorch float32"
