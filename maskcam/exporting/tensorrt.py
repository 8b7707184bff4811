"""Networks as engines of TensorRT in float16. Written against the interface of 11.4; not yet run on a GPU."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from maskcam.engines.tensorrt import INPUT, find_gpu, load_tensorrt
from maskcam.errors import ExportError
from maskcam.exporting.onnx import to_onnx
from maskcam.exporting.whole import WholeNetwork
from maskcam.weights import ModelCard

HALF_TOLERANCE = 0.02
"""Like `maskcam.exporting.files.TOLERANCE`, but of float16: the shipped networks differ by up to 0.004 there."""

_LONGEST = 1280  # pixels: twice the size that detectors look at unless told; thorough ones look at 1.6 times the size


class HalfNetwork(WholeNetwork):
    """A network that computes in float16, between pictures as they are and outputs in float32.

    Args:
        whole: is left as it is.
        card: says how to normalise.
    """

    def __init__(self, whole: WholeNetwork, card: ModelCard) -> None:
        super().__init__(copy.deepcopy(whole.network).half(), card)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Like `WholeNetwork`."""
        # cast before anything else, see half_onnx
        pixels = images.float().permute(0, 3, 1, 2)
        if self.order != [0, 1, 2]:
            pixels = pixels[:, self.order]
        if self.normalises:
            pixels = (pixels - self.mean) / self.std
        outputs = self.network(pixels.half())
        return tuple(output.float() for output in ([outputs] if isinstance(outputs, Tensor) else outputs))


def build_engine(whole: WholeNetwork, card: ModelCard) -> bytes:
    """Builds an engine for the GPU of this machine, which takes up to some minutes.

    Args:
        whole: on the CPU.
        card: of the network; goes into a file of its own.

    Raises:
        MissingLibraryError: TensorRT is not installed.
        ConfigError: there is no NVIDIA GPU.
        ExportError: TensorRT cannot build it.
    """
    library = load_tensorrt()
    with torch.cuda.device(find_gpu("auto")):
        builder = library.Builder(library.Logger(library.Logger.ERROR))
        # the types are those of the ONNX file: TensorRT 11 does not choose others any more
        typed = 1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        network = builder.create_network(typed)
        parser = library.OnnxParser(network, builder.logger)
        if not parser.parse(half_onnx(whole, card)):
            raise ExportError(f"TensorRT cannot read the network: {parser.get_error(0).desc()}")
        profile = builder.create_optimization_profile()
        profile.set_shape(INPUT, *shapes(card))
        config = builder.create_builder_config()
        config.add_optimization_profile(profile)
        engine = builder.build_serialized_network(network, config)
        if engine is None:
            raise ExportError(f"TensorRT {library.__version__} cannot build the network; it says why above")
        return bytes(engine)


def half_onnx(whole: WholeNetwork, card: ModelCard) -> bytes:
    """The network in float16 as an ONNX file whose input goes nowhere but to a cast: TensorRT's uint8 must."""
    import onnx  # came with what `to_onnx` needs

    model = onnx.load_from_string(to_onnx(HalfNetwork(whole, card).eval(), card))
    nodes = model.graph.node
    (cast,) = (node for node in nodes if node.op_type == "Cast" and node.input[0] == INPUT)
    others = [node for node in nodes if node != cast]
    for node in others:
        for i, name in enumerate(node.input):
            if name == INPUT:  # its shape is asked for
                node.input[i] = cast.output[0]
    ordered = [cast, *others]
    del nodes[:]
    nodes.extend(ordered)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def shapes(card: ModelCard) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Least, usual and greatest shape (b, h, w, 3) of the input that an engine is built for."""
    side = card.input_size
    if card.task == "classifier":
        return (1, side, side, 3), (16, side, side, 3), (64, side, side, 3)
    return (1, 32, 32, 3), (1, 384, 640, 3), (16, _LONGEST, _LONGEST, 3)
