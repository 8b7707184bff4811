"""Networks as ONNX files, which OpenVINO, ONNX Runtime and many others read."""

from __future__ import annotations

import json
import logging
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskcam.errors import MissingLibraryError
from maskcam.exporting.whole import OUTPUTS, WholeNetwork, dynamic_sizes, traced_images
from maskcam.onnx_metadata import CARD_KEY
from maskcam.weights import ModelCard

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

_OPSET = 18  # the lowest that PyTorch writes: old enough for every engine
_PREFIX = "network."  # of the tensors' names, see WholeNetwork


def to_onnx(whole: WholeNetwork, card: ModelCard, *, share: Path | None = None) -> bytes:
    """Makes an ONNX file of a network: any batch, and for detectors any height and width in multiples of 32.

    Args:
        whole: on the CPU.
        card: goes into the file.
        share: the `.safetensors` file that the network came from: its tensors are then referred to, not copied, and
            the ONNX file only works beside it.

    Raises:
        MissingLibraryError: ONNX Script is not installed.
    """
    try:
        import onnx
        from onnxscript import optimizer
    except ImportError as error:
        raise MissingLibraryError(
            f"an ONNX file is made with a package that is not installed ({error}): run `pip install onnxscript`"
        ) from error
    with quiet():
        program = torch.onnx.export(
            whole,
            (traced_images(card),),
            dynamo=True,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=list(OUTPUTS[card.task]),
            dynamic_shapes=(dynamic_sizes(card),),
            optimize=False,  # it would merge batch norms into convolutions: tensors no longer those of the weights
            verbose=False,
        )
    assert program is not None
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model: ModelProto = program.model_proto
    _strip(model)
    _halve(model, {} if share is None else _places(share), location=share.name if share else "")
    onnx.helper.set_model_props(model, {CARD_KEY: card.model_dump_json()})
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _strip(model: ModelProto) -> None:
    """Removes the exporter's notes, among them paths of the machine it ran on."""
    for part in (
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.value_info,
    ):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]


def _halve(model: ModelProto, places: Mapping[str, tuple[int, int]], *, location: str) -> None:
    """Writes tensors that fit into float16 without loss as such, with a node that casts them back.

    Args:
        model: changed.
        places: offset and length of tensors in the file `location`, to be referred to.
        location: file name beside the model.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name, halved = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(half, halved))
        place = places.get(name.removeprefix(_PREFIX))
        if place is not None:
            _refer(tensor, location, *place)
        casts.append(helper.make_node("Cast", [halved], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    from onnx import TensorProto

    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)


def _places(weights: Path) -> dict[str, tuple[int, int]]:
    """Offset and length of the float16 tensors in a safetensors file: a length, a JSON header, then the tensors."""
    with weights.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    return {
        name: (8 + size + entry["data_offsets"][0], entry["data_offsets"][1] - entry["data_offsets"][0])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F16"
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the exporter's remarks about itself from the user; what goes wrong is an exception."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
