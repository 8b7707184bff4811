"""Exported PyTorch programs: TorchScript and `torch.export`, on any device."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from maskcam.devices import choose_device, describe_torch
from maskcam.engines.base import Engine
from maskcam.errors import WeightsError


class TorchEngine(Engine):
    """Runs a `.torchscript` or `.pt2` file.

    Args:
        model: the file.
        device: see `maskcam.devices.choose_device`.

    Raises:
        WeightsError: PyTorch cannot read the file.
        ConfigError: the device is not there.
    """

    def __init__(self, model: Path, *, device: str = "cpu") -> None:
        self._device = choose_device(device)
        self.device = describe_torch(self._device)
        self._network: Any
        try:
            if model.suffix == ".pt2":
                program = torch.export.load(model)
                self._network = program.module().to(self._device)
            else:
                # PyTorch warns that others should write programs of the new kind; this one is there already
                with warnings.catch_warnings(action="ignore"):
                    self._network = torch.jit.load(  # type: ignore[no-untyped-call]
                        str(model), map_location=self._device
                    )
        except (RuntimeError, ValueError, zipfile.BadZipFile, OSError) as error:
            raise WeightsError(
                f"PyTorch cannot read {model}: it is damaged or no network; export it again"
            ) from error

    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        with torch.inference_mode():
            # PyTorch warns of arrays that it may not write to, though nothing here writes
            pixels = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(self._device)
            return tuple(output.cpu().numpy() for output in self._network(pixels))
