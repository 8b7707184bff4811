"""The seam behind which libraries stand that run exported networks."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from maskcam.closing import Closing


class Engine(Closing, ABC):
    """Runs one network. Not safe to share between threads: make one each.

    Normalisation is part of the network, so that nothing is copied before it.
    """

    device: str
    """Where it computes, with what and in which arithmetic, as shown to the user."""

    @abstractmethod
    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Runs the network on a batch.

        Args:
            images: (b, h, w, 3) uint8 BGR, contiguous; left unchanged.

        Returns:
            The network's outputs, float32, each with b as its first axis; overwritten by the next call.
        """


def thread_count() -> int:
    """Threads to compute with: half the cores that this process may use, since decoder and encoder need the others.

    On two cores a second thread saves 0 to 20 % of a network's time while it takes the core away from the decoder.
    `OMP_NUM_THREADS` in the environment wins, as it does with PyTorch: on a cluster it is the share of one task.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal():
        return max(1, int(asked))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


def describe(library: str, arithmetic: str, threads: int) -> str:
    """`cpu, OpenVINO bfloat16, 2 threads`."""
    return f"cpu, {library} {arithmetic}, {threads} thread{'s' * (threads > 1)}"
