"""Devices, precision and processes of a training."""

from __future__ import annotations

import logging
import os

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy

from maskcam.devices import choose_device
from maskcam.errors import ConfigError


def launch(
    device: str, *, devices: int, precision: str, threads: int | None = None, freezes: bool = False
) -> Fabric:
    """Starts the processes of a training, or takes part among those that torchrun started.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`; on the CPU several devices are several processes.
        devices: processes, one per GPU; above 1 the program is started again in each. Torchrun's number wins over 1.
        precision: of Lightning Fabric, such as `bf16-mixed`.
        threads: processor threads per process; None leaves PyTorch's choice.
        freezes: some parameters have no gradient in some epochs, which takes the processes longer to agree on.

    Raises:
        ConfigError: the device, or so many of them, is not there, or torchrun started another number of processes.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    kind = choose_device(device).type
    machines = 1
    if torch.distributed.is_available() and torch.distributed.is_torchelastic_launched():
        here, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if devices not in (1, here):
            raise ConfigError(f"torchrun started {here} processes here: leave out --devices {devices}")
        devices, machines = here, world // here
    if kind == "cuda" and devices > torch.cuda.device_count():
        raise ConfigError(f"{devices} devices were asked for but there are {torch.cuda.device_count()} GPUs")
    if kind == "mps" and devices * machines > 1:
        raise ConfigError(f"{devices} devices were asked for but MPS is one: use --devices 1 or --device cpu")
    for talker in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(talker).setLevel(logging.WARNING)  # of what it was told
    fabric = Fabric(
        accelerator=kind,
        devices=devices,
        num_nodes=machines,
        precision=precision,  # type: ignore[arg-type]
        strategy=DDPStrategy(find_unused_parameters=freezes) if devices * machines > 1 else "auto",
    )
    fabric.launch()
    return fabric
