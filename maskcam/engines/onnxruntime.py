"""ONNX Runtime, in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskcam.engines.base import Engine, describe, thread_count
from maskcam.errors import MissingLibraryError, WeightsError


class OnnxRuntimeEngine(Engine):
    """Runs an ONNX file on the CPU.

    Args:
        model: `.onnx` file, or its bytes.

    Raises:
        MissingLibraryError: ONNX Runtime is not installed.
        WeightsError: it cannot read the file.
    """

    def __init__(self, model: Path | bytes) -> None:
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as faults
        except (ImportError, OSError) as error:
            raise MissingLibraryError(
                f"ONNX Runtime cannot be loaded ({error}): run `pip install 'maskcam[onnxruntime]'`, "
                "or choose another backend"
            ) from error
        threads = thread_count()
        self.device = describe("ONNX Runtime", "float32", threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # threads that spin while they wait would take the cores away from the decoder
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what matters comes as an exception as well
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except (
            faults.Fail,
            faults.InvalidArgument,
            faults.InvalidGraph,
            faults.InvalidProtobuf,
            faults.NoSuchFile,
            faults.NotImplemented,
            faults.RuntimeException,
        ) as error:
            what = model if isinstance(model, Path) else "the converted network"
            raise WeightsError(
                f"ONNX Runtime cannot read {what}: it is damaged or no network; export it again"
            ) from error
        self._input = self._session.get_inputs()[0].name

    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        return tuple(self._session.run(None, {self._input: images}))
