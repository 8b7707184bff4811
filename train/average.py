"""Exponential moving average of weights: what is shipped is the average, not the last step."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(Generic[Network]):
    """Keeps an average of a network's parameters and buffers.

    Args:
        network: the one to follow; copied.
        decay: share of the old average kept at each update; ramped up over the first updates so that the start
            is soon forgotten.
    """

    def __init__(self, network: Network, *, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        self._updates = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Moves the average towards the network's present weights."""
        self._updates += 1
        decay = min(self._decay, self._updates / (self._updates + 10))
        for mine, theirs in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"network": self.network.state_dict(), "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.network.load_state_dict(state["network"])
        self._updates = state["updates"]
