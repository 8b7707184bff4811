"""TensorRT on an NVIDIA GPU. Written against the interface of TensorRT 11.4; not yet run on a GPU."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskcam.devices import describe_device
from maskcam.engines.base import Engine
from maskcam.errors import ConfigError, InputError, MaskcamError, MissingLibraryError, WeightsError

INPUT = "images"
"""Name of a network's input."""


class TensorRtEngine(Engine):
    """Runs an `.engine` file of `maskcam export`.

    Batches larger than the engine was built for are run in parts.

    Args:
        model: the file.
        device: `auto`, `cuda`, `cuda:1` and the like.

    Raises:
        MissingLibraryError: TensorRT is not installed.
        ConfigError: there is no NVIDIA GPU.
        WeightsError: TensorRT cannot read the file: it is damaged, or of another version or kind of GPU.
    """

    def __init__(self, model: Path, *, device: str = "auto") -> None:
        library = load_tensorrt()
        self._device = find_gpu(device)
        self.device = f"{describe_device(str(self._device))}, TensorRT float16"
        with torch.cuda.device(self._device):
            self._runtime = library.Runtime(library.Logger(library.Logger.ERROR))
            self._engine = self._runtime.deserialize_cuda_engine(model.read_bytes())
            if self._engine is None:
                raise WeightsError(
                    f"TensorRT {library.__version__} cannot read {model}: an engine runs only with the version and on "
                    "the kind of GPU that it was built with; export it again here"
                )
            self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        self._outputs = [name for name in names if name != INPUT]
        self._least, _, self._most = (
            tuple(shape) for shape in self._engine.get_tensor_profile_shape(INPUT, 0)
        )
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        least, most = self._least[1:], self._most[1:]
        if not all(low <= n <= high for low, n, high in zip(least, images.shape[1:], most, strict=True)):
            raise InputError(
                f"this engine takes pictures from {least[1]}x{least[0]} to {most[1]}x{most[0]} pixels, got "
                f"{images.shape[2]}x{images.shape[1]}: use the .safetensors file that it was made of"
            )
        # PyTorch warns of arrays that it may not write to, though nothing here writes
        pixels = torch.from_numpy(np.require(images, requirements=["C", "W"]))
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            parts = [self._run(part.to(self._device)) for part in torch.split(pixels, self._most[0])]
            return tuple(torch.cat(outputs).cpu().numpy() for outputs in zip(*parts, strict=True))

    def _run(self, pixels: Tensor) -> list[Tensor]:
        self._context.set_input_shape(INPUT, tuple(pixels.shape))
        self._context.set_tensor_address(INPUT, pixels.data_ptr())
        outputs = []
        for name in self._outputs:
            shape = tuple(self._context.get_tensor_shape(name))
            outputs.append(torch.empty(shape, dtype=torch.float32, device=self._device))
            self._context.set_tensor_address(name, outputs[-1].data_ptr())
        if not self._context.execute_async_v3(self._stream.cuda_stream):
            raise MaskcamError(
                f"TensorRT could not compute {len(pixels)} pictures on {self._device}; is its memory full?"
            )
        return outputs

    def close(self) -> None:
        self._context = self._engine = self._runtime = None


def load_tensorrt() -> Any:  # noqa: ANN401  # it ships no types
    """The library.

    Raises:
        MissingLibraryError: it, or what it needs, is not installed.
    """
    try:
        return importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:
        raise MissingLibraryError(
            f"TensorRT cannot be loaded ({error}): run `pip install tensorrt-cu13` (tensorrt-cu12 for CUDA 12) on the "
            "machine with the GPU"
        ) from error


def find_gpu(device: str) -> torch.device:
    """The GPU that `auto`, `cuda` or `cuda:1` stands for.

    Raises:
        ConfigError: it is not there, or another kind of device was asked for.
    """
    if device != "auto" and device.partition(":")[0] != "cuda":
        raise ConfigError(f"TensorRT needs an NVIDIA GPU, but device {device} was asked for: set it to cuda")
    if not torch.cuda.is_available():
        raise ConfigError(
            "TensorRT needs an NVIDIA GPU, and PyTorch finds none: run this on the machine with the GPU, or use "
            "another format"
        )
    found = torch.device("cuda" if device == "auto" else device)
    index = torch.cuda.current_device() if found.index is None else found.index
    if index >= torch.cuda.device_count():
        raise ConfigError(f"device {device} was asked for but there are {torch.cuda.device_count()} GPUs")
    return torch.device("cuda", index)
