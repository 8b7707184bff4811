"""With which library networks compute: the one place where that is decided."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Literal, TypedDict

from maskcam.devices import ACCELERATORS, choose_device
from maskcam.errors import ConfigError, MissingLibraryError

Backend = Literal["auto", "openvino", "onnxruntime", "torch"]
Precision = Literal["auto", "float32", "bfloat16"]

Library = Literal["openvino", "onnxruntime", "torch", "tensorrt"]


class Computing(TypedDict):
    """Where and how networks compute, as set by the user."""

    device: str
    backend: Backend
    precision: Precision


# on a CPU by benchmarks/results/backends.json: in float32 the first two are about as fast, bfloat16 has only OpenVINO
_FASTEST_FIRST: tuple[Library, ...] = ("openvino", "onnxruntime", "torch")
_ABLE: dict[str, tuple[Library, ...]] = {  # by the ending of a weights file
    ".safetensors": _FASTEST_FIRST,
    ".onnx": ("openvino", "onnxruntime"),
    ".xml": ("openvino",),
    ".torchscript": ("torch",),
    ".pt2": ("torch",),
    ".engine": ("tensorrt",),
}
_INSTALL = {
    "openvino": "pip install openvino",
    "onnxruntime": "pip install 'maskcam[onnxruntime]'",
    "torch": "pip install torch torchvision",
}


def choose_backend(weights: Path, computing: Computing) -> Library:
    """The library that is to run a weights file.

    PyTorch is not loaded to find out, unless there may be an accelerator.

    Args:
        weights: the file; its ending says what can run it.
        computing: `auto` takes PyTorch on an accelerator, and the fastest that is installed on the CPU; any other
            backend is taken or refused.

    Raises:
        ConfigError: the device is not there, or the backend does not run there, cannot run that file, or has another
            arithmetic.
        MissingLibraryError: it is not installed.
    """
    device, backend, precision = computing["device"], computing["backend"], computing["precision"]
    able = _ABLE.get(weights.suffix, _FASTEST_FIRST)  # what else it may be is refused where it is read
    if backend != "auto" and backend not in able:
        raise ConfigError(f"{weights} runs with backend {' or '.join(able)}, not with {backend}")
    wanted = able if backend == "auto" else (backend,)
    if wanted == ("tensorrt",):
        return _check_tensorrt(weights, computing)
    elsewhere = ("torch" in wanted or device != "auto") and _is_elsewhere(device)
    if elsewhere and "torch" in wanted:
        wanted = ("torch",)
    elif elsewhere:
        raise ConfigError(f"backend {wanted[0]} computes on the CPU only, but device {device} was asked for")
    found = next((name for name in wanted if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise MissingLibraryError(
            f"backend {wanted[0]} is not installed: run `{_INSTALL[wanted[0]]}`, or choose another backend"
        )
    if precision == "bfloat16" and found != "openvino":
        raise ConfigError(
            f"precision bfloat16 needs backend openvino, but {found} is used: set one of the two"
        )
    return found


def _check_tensorrt(weights: Path, computing: Computing) -> Library:
    """An engine runs with TensorRT and its own arithmetic; whether the GPU is there is found out when it is opened."""
    if computing["device"] == "cpu":
        raise ConfigError(
            f"{weights} is an engine of TensorRT for an NVIDIA GPU, but device cpu was asked for: use the "
            ".safetensors file that it was made of"
        )
    if computing["precision"] != "auto":
        raise ConfigError(
            f"{weights} was built for float16: leave precision at auto, not {computing['precision']}"
        )
    if importlib.util.find_spec("tensorrt") is None:
        raise MissingLibraryError(
            f"{weights} needs TensorRT, which is not installed: run `pip install tensorrt-cu13` (tensorrt-cu12 for "
            "CUDA 12) on the machine with the GPU, or use the .safetensors file that it was made of"
        )
    return "tensorrt"


def uses_torch(weights: Path, computing: Computing) -> bool:
    """Whether trained weights go through PyTorch's own plug-ins, and not through an engine."""
    return weights.suffix == ".safetensors" and choose_backend(weights, computing) == "torch"


def _is_elsewhere(device: str) -> bool:
    """Whether a device, once resolved, is another than the CPU."""
    if device == "cpu" or (device == "auto" and not may_have_accelerator()):
        return False
    return choose_device(device).type != "cpu"


def may_have_accelerator() -> bool:
    """Whether it is worth loading PyTorch, which takes a second, to look for one."""
    if sys.platform == "darwin":
        return True
    if sys.platform == "win32":
        return (Path("C:/Windows/System32") / "nvcuda.dll").is_file()
    return any(path.exists() for path in ACCELERATORS)
