"""CUDA graphs: a computation recorded once and launched as a whole."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UP = 3
"""Runs before the recording, in which libraries choose their algorithms and take their memory."""


class Recorded:
    """One computation for one shape of input, on CUDA only.

    A small network's layers take a GPU less time than Python takes to launch them. Recorded they cost one launch.
    `torch.compile` might save some of the layers' own time as well, but needs a C compiler on the user's machine and up
    to minutes for each shape.

    Args:
        compute: launches work on the device and waits for none of it.
        place: where every input is copied to; several computations that take turns may share it.
        beside: one with which it takes turns: what lies between their layers shares its memory.
    """

    def __init__(
        self, compute: Callable[[Tensor], Tensor], *, place: Tensor, beside: Recorded | None = None
    ) -> None:
        self._input = place
        self._graph: torch.cuda.CUDAGraph = torch.cuda.CUDAGraph()
        pool = None if beside is None else beside._graph.pool()
        with (
            torch.cuda.device(place.device),
            torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False, allow_tf32=True),
        ):
            # recording must not begin on the stream that everything else uses
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM_UP):
                    compute(self._input)
            torch.cuda.current_stream().wait_stream(side)
            with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
                self._output = compute(self._input)

    def __call__(self, values: Tensor) -> Tensor:
        """The output; overwritten by the next call of any that take turns."""
        with torch.cuda.device(self._input.device):
            self._input.copy_(values)
            self._graph.replay()
        return self._output
