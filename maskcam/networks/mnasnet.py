"""MnasNet-B1 (Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019)."""

from __future__ import annotations

from typing import Any

from torch import nn
from torchvision import models

_MOMENTUM = 0.10  # PyTorch's default


class _MnasNet(models.MNASNet):  # type: ignore[misc]  # torchvision ships no types
    """Torchvision's network, made to load plain tensors.

    Torchvision wants a version that only pickled state dicts carry; safetensors files hold nothing but tensors.
    """

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: object
    ) -> None:
        versioned = local_metadata | {"version": self._version}
        super()._load_from_state_dict(state_dict, prefix, versioned, *rest)


def mnasnet(*, classes: int) -> nn.Module:
    """Torchvision's network at depth multiplier 1.0 with a head of its own: 3.1 M parameters, as in the study.

    Its batch norms follow the data as fast as those of the other networks. Torchvision's move their running
    statistics by 0.0003 a step, which takes ten thousand steps; ours are trained for fewer.

    Args:
        classes: number of outputs (logits).

    Returns:
        A network from (n, 3, S, S) float, RGB, normalised, to (n, classes) logits. Parameter names are
        torchvision's.
    """
    network: nn.Module = _MnasNet(1.0, num_classes=classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = _MOMENTUM
    return network
