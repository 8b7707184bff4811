"""OpenVINO: the fastest on CPUs, and with bfloat16 where the CPU has it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskcam.backends import Precision
from maskcam.engines.base import Engine, describe, thread_count
from maskcam.errors import ConfigError, MissingLibraryError, WeightsError

if TYPE_CHECKING:
    import openvino

# A network made for one shape is 10 to 20 % faster than one that takes any, but takes 0.1 s and some MiB: it pays for
# frames of a video, not for photographs, no two of which need have the same shape
_COMES_OFTEN = 8  # times
_OWN_NETWORKS = 8  # at most
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVinoEngine(Engine):
    """Runs an ONNX or OpenVINO file.

    The first shape of input, and further ones that come often, get a network of their own; all others share one.

    Args:
        model: `.onnx` or `.xml` file, or the bytes of the former.
        precision: `auto` takes bfloat16 where the CPU computes in it, else float32.

    Raises:
        MissingLibraryError: OpenVINO is not installed.
        WeightsError: it cannot read the file.
        ConfigError: this CPU does not have the arithmetic asked for.
    """

    def __init__(self, model: Path | bytes, *, precision: Precision = "auto") -> None:
        try:
            import openvino
        except (ImportError, OSError) as error:
            raise MissingLibraryError(
                f"OpenVINO cannot be loaded ({error}): run `pip install openvino`, or choose another backend"
            ) from error
        self._core = openvino.Core()
        arithmetic = _arithmetic(self._core, precision)
        threads = thread_count()
        self.device = describe("OpenVINO", arithmetic, threads)
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": _HINTS[arithmetic],
            # it would tie the detector and the classifier to one and the same core, and the decoder may be there, too
            "ENABLE_CPU_PINNING": False,
        }
        try:
            self._model = self._core.read_model(model)
        except RuntimeError as error:
            what = model if isinstance(model, Path) else "the converted network"
            raise WeightsError(
                f"OpenVINO cannot read {what}: it is damaged or no network; export it again"
            ) from error
        self._times: Counter[tuple[int, ...]] = Counter()
        self._own: dict[tuple[int, ...], openvino.InferRequest] = {}
        self._shared: openvino.InferRequest | None = None

    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        request = self._request(images.shape)
        request.infer([images], share_inputs=True)
        return tuple(request.get_output_tensor(i).data for i in range(len(self._model.outputs)))

    def close(self) -> None:
        self._own.clear()
        self._shared = None

    def _request(self, shape: tuple[int, ...]) -> openvino.InferRequest:
        if shape in self._own:
            return self._own[shape]
        self._times[shape] += 1
        comes_often = not self._own or self._times[shape] >= _COMES_OFTEN
        if not comes_often or len(self._own) == _OWN_NETWORKS:
            self._shared = self._shared or self._compile(self._model)
            return self._shared
        model = self._model.clone()
        model.reshape(shape)
        self._own[shape] = self._compile(model)
        return self._own[shape]

    def _compile(self, model: openvino.Model) -> openvino.InferRequest:
        return self._core.compile_model(model, "CPU", self._settings).create_infer_request()


def _arithmetic(core: openvino.Core, precision: Precision) -> str:
    has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "auto":
        return "bfloat16" if has_bfloat16 else "float32"
    if precision == "bfloat16" and not has_bfloat16:
        raise ConfigError("this CPU does not compute in bfloat16: set precision to auto or float32")
    return precision
