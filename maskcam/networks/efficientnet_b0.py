"""EfficientNet-B0 (Tan and Le, "EfficientNet: Rethinking Model Scaling for CNNs", ICML 2019)."""

from __future__ import annotations

from torch import nn
from torchvision import models


def efficientnet_b0(*, classes: int) -> nn.Module:
    """Torchvision's network with a head of its own: 4.0 M parameters, as in the study.

    Args:
        classes: number of outputs (logits).

    Returns:
        A network from (n, 3, S, S) float, RGB, normalised, to (n, classes) logits. Parameter names are
        torchvision's.
    """
    network: nn.Module = models.efficientnet_b0(weights=None, num_classes=classes)
    return network
