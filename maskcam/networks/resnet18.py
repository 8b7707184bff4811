"""ResNet-18 (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016)."""

from __future__ import annotations

from torch import nn
from torchvision import models


def resnet18(*, classes: int) -> nn.Module:
    """Torchvision's network with a head of its own: 11.2 M parameters, as in the study.

    Args:
        classes: number of outputs (logits).

    Returns:
        A network from (n, 3, S, S) float, RGB, normalised, to (n, classes) logits. Parameter names are
        torchvision's.
    """
    network: nn.Module = models.resnet18(weights=None, num_classes=classes)
    return network
