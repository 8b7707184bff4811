"""Devices, precision and processes of a training."""

from __future__ import annotations

import logging

import torch
from lightning.fabric import Fabric

from maskcam.devices import choose_device
from maskcam.errors import ConfigError


def launch(device: str, *, devices: int, precision: str, threads: int | None = None) -> Fabric:
    """Starts the processes of a training.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`; on the CPU several devices are several processes.
        devices: processes, one per GPU; above 1 the program is started again in each.
        precision: of Lightning Fabric, such as `bf16-mixed`.
        threads: processor threads per process; None leaves PyTorch's choice.

    Raises:
        ConfigError: the device, or so many of them, is not there.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    kind = choose_device(device).type
    if kind == "cuda" and devices > torch.cuda.device_count():
        raise ConfigError(f"{devices} devices were asked for but there are {torch.cuda.device_count()} GPUs")
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)  # it talks of what it was told
    strategy = "ddp" if devices > 1 else "auto"
    fabric = Fabric(accelerator=kind, devices=devices, precision=precision, strategy=strategy)  # type: ignore[arg-type]
    fabric.launch()
    return fabric
