"""MobileNetV2 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018)."""

from __future__ import annotations

from torch import nn
from torchvision import models


def mobilenet_v2(*, classes: int) -> nn.Module:
    """Torchvision's network at width 1.0 with a head of its own.

    Args:
        classes: number of outputs (logits).

    Returns:
        A network from (n, 3, S, S) float, RGB, ImageNet-normalised, to (n, classes) logits. Parameter names are
        torchvision's.
    """
    network: nn.Module = models.mobilenet_v2(weights=None, num_classes=classes)
    return network
