"""Trained weights to files of every format, none of which is left behind unless it agrees with PyTorch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from maskcam.engines.base import Engine
from maskcam.errors import ExportError, InputError, MissingLibraryError, OutputError
from maskcam.exporting.onnx import quiet, to_onnx
from maskcam.exporting.tensorrt import HALF_TOLERANCE, build_engine
from maskcam.exporting.whole import WholeNetwork, dynamic_sizes, example_images, load_whole, traced_images
from maskcam.weights import ModelCard, card_beside

ENDINGS = {
    "onnx": ".onnx",
    "openvino": ".xml",
    "torchscript": ".torchscript",
    "exported-program": ".pt2",
    "tensorrt": ".engine",
}
"""By format."""

TOLERANCE = 1e-3
"""Largest difference of an output from PyTorch's, as part of its largest value.

Float32 in another order differs by 1e-5; a layer that is missing or wrong by 0.1 and more.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        files: the network, and what has to stay beside it.
        size_bytes: of all of them.
        difference: largest one from PyTorch, over all outputs of some pictures.
        checked_with: the libraries that ran it.
    """

    files: tuple[Path, ...]
    size_bytes: int
    difference: float
    checked_with: tuple[str, ...]


def export(weights: Path, output: Path, *, kind: str, share: bool = False) -> Exported:
    """Writes a network in another format.

    Args:
        weights: a `.safetensors` file.
        output: the file to write.
        kind: one of `ENDINGS`.
        share: of ONNX: refer to the tensors in the weights file instead of copying them.

    Raises:
        WeightsError: see `load_weights`.
        InputError: the name of the file does not fit.
        MissingLibraryError: the format needs a package that is not installed.
        ConfigError: the format needs an NVIDIA GPU.
        ExportError: what was made does not compute what PyTorch computes; it is not kept.
        OutputError: the file cannot be written.
    """
    if output.suffix != ENDINGS[kind]:
        raise InputError(f"a file of format {kind} has a name that ends in {ENDINGS[kind]}, got {output}")
    if share and (kind != "onnx" or output.resolve().parent != weights.resolve().parent):
        raise InputError(
            "only an ONNX file beside the weights can share their tensors: name such a file with -o"
        )
    card, whole = load_whole(weights)
    draft = output.with_name(f".{output.stem}.{os.getpid()}{output.suffix}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(whole, card, draft, kind=kind, share=weights if share else None)
            difference, engines = _check(draft, whole, card, kind=kind)
            tolerance = HALF_TOLERANCE if kind == "tensorrt" else TOLERANCE
            if not difference <= tolerance:  # nor NaN
                raise ExportError(
                    f"{output.name} was not kept, since it differs from PyTorch by {difference:.2g} of its outputs'"
                    f" size, more than {tolerance:g}: please report the versions that `pip list` shows"
                )
            files = tuple(
                part.replace(final)
                for part, final in zip(_parts(draft), _parts(output), strict=True)
                if part.exists()
            )
        finally:
            for part in _parts(draft):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror or error}") from error
    return Exported(files, sum(path.stat().st_size for path in files), difference, engines)


def _write(whole: WholeNetwork, card: ModelCard, path: Path, *, kind: str, share: Path | None) -> None:
    match kind:
        case "onnx":
            path.write_bytes(to_onnx(whole, card, share=share))
        case "openvino":
            _write_openvino(whole, card, path)
        case "torchscript":
            _write_torchscript(whole, card, path)
        case "tensorrt":
            path.write_bytes(build_engine(whole, card))
            _write_card(card, path, of=path)
        case _:
            _write_program(whole, card, path)


def _check(path: Path, whole: WholeNetwork, card: ModelCard, *, kind: str) -> tuple[float, tuple[str, ...]]:
    """Difference from PyTorch, and what computed it."""
    engines = dict(_engines(path, kind))
    differences = []
    for engine in engines.values():
        with engine:
            differences.append(compare(engine, whole, card))
    return float(np.max(differences)), tuple(engines)


def compare(engine: Engine, whole: WholeNetwork, card: ModelCard) -> float:
    """Largest difference of what an engine computes from PyTorch; see `TOLERANCE`."""
    largest = 0.0
    for images in example_images(card):
        with torch.inference_mode():
            expected = [output.numpy() for output in whole(torch.from_numpy(images))]
        found = engine.run(images)
        for theirs, ours in zip(expected, found, strict=True):
            if ours.shape != theirs.shape:
                return float("inf")
            difference = np.abs(ours - theirs).max() / max(1e-9, float(np.abs(theirs).max()))
            largest = float(np.fmax(largest, difference)) if np.isfinite(difference) else float("inf")
    return largest


def _parts(network: Path) -> tuple[Path, ...]:
    """Files that belong to a network: itself, the tensors of an OpenVINO one, and the card."""
    return network, network.with_suffix(".bin"), card_beside(network)


def _engines(network: Path, kind: str) -> Iterator[tuple[str, Engine]]:
    """What can run the file here, in float32, or in the float16 that an engine of TensorRT was built for."""
    if kind == "tensorrt":
        from maskcam.engines.tensorrt import TensorRtEngine

        yield "TensorRT", TensorRtEngine(network)
        return
    if kind in ("torchscript", "exported-program"):
        from maskcam.engines.torch import TorchEngine

        yield "PyTorch", TorchEngine(network)
        return
    makers: list[tuple[str, Callable[[], Engine]]] = [("OpenVINO", lambda: _openvino(network))]
    if kind == "onnx":
        makers.append(("ONNX Runtime", lambda: _onnxruntime(network)))
    missing: list[str] = []
    for name, make in makers:
        try:
            yield name, make()
        except MissingLibraryError as error:
            missing.append(str(error))
    if len(missing) == len(makers):
        raise MissingLibraryError(f"the file cannot be checked: {missing[0]}")


def _openvino(network: Path) -> Engine:
    from maskcam.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(network, precision="float32")


def _onnxruntime(network: Path) -> Engine:
    from maskcam.engines.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(network)


def _write_openvino(whole: WholeNetwork, card: ModelCard, path: Path) -> None:
    try:
        import openvino
    except (ImportError, OSError) as error:
        raise MissingLibraryError(
            f"OpenVINO cannot be loaded ({error}): run `pip install openvino`"
        ) from error
    model = openvino.Core().read_model(to_onnx(whole, card))
    openvino.save_model(model, path, compress_to_fp16=False)  # what fits into float16 is so already
    _write_card(card, path, of=path.with_suffix(".bin"))


def _write_torchscript(whole: WholeNetwork, card: ModelCard, path: Path) -> None:
    with quiet(), torch.inference_mode():
        script = torch.jit.trace(whole, traced_images(card))  # type: ignore[no-untyped-call]
        torch.jit.save(script, str(path))
    _write_card(card, path, of=path)


def _write_program(whole: WholeNetwork, card: ModelCard, path: Path) -> None:
    with quiet():
        program = torch.export.export(whole, (traced_images(card),), dynamic_shapes=(dynamic_sizes(card),))
        torch.export.save(program, path)
    _write_card(card, path, of=path)


def _write_card(card: ModelCard, network: Path, *, of: Path) -> None:
    """The card beside a network, with the checksum of the file that holds its tensors."""
    own = card.model_copy(update={"sha256": hashlib.sha256(of.read_bytes()).hexdigest()})
    card_beside(network).write_text(own.model_dump_json(indent=2) + "\n")
