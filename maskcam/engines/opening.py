"""Weights files to engines that run them."""

from __future__ import annotations

from pathlib import Path

from maskcam.backends import Computing, choose_backend
from maskcam.engines.base import Engine
from maskcam.engines.converted import onnx_of
from maskcam.weights import ModelCard, check_architecture, read_card, read_checked


def open_engine(
    weights: Path, *, architectures: tuple[str, ...], computing: Computing
) -> tuple[ModelCard, Engine]:
    """Opens a weights file of any kind.

    Args:
        weights: `.safetensors`, or what `maskcam export` wrote.
        architectures: those that the caller can use.
        computing: see `maskcam.backends.choose_backend`; not PyTorch for `.safetensors`, which has its own plug-ins.

    Raises:
        WeightsError: the file or its card is missing, damaged or of another task.
        MissingLibraryError: the backend is not installed.
        ConfigError: see `choose_backend`.
    """
    card = read_card(weights)
    check_architecture(weights, card, architectures=architectures)
    backend = choose_backend(weights, computing)
    if backend == "torch":
        from maskcam.engines.torch import TorchEngine

        read_checked(weights, card)
        return card, TorchEngine(weights, device=computing["device"])
    if backend == "tensorrt":
        from maskcam.engines.tensorrt import TensorRtEngine

        read_checked(weights, card)
        return card, TensorRtEngine(weights, device=computing["device"])
    network: Path | bytes = weights
    if weights.suffix == ".safetensors":
        network = onnx_of(weights, card)
    elif weights.suffix == ".xml":
        read_checked(weights.with_suffix(".bin"), card)
    if backend == "onnxruntime":
        from maskcam.engines.onnxruntime import OnnxRuntimeEngine

        return card, OnnxRuntimeEngine(network)
    from maskcam.engines.openvino import OpenVinoEngine

    return card, OpenVinoEngine(network, precision=computing["precision"])
