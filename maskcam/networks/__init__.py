"""Network architectures, one per file, by the name that model cards use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

CLASSIFIERS = ("mobilenet_v2",)
DETECTORS = ("yunet_n",)


def build_network(architecture: str, *, classes: int) -> nn.Module:
    """Makes a network with random weights.

    Args:
        architecture: one of `CLASSIFIERS` or `DETECTORS`.
        classes: number of outputs of a classifier; ignored by detectors.

    Raises:
        ValueError: the architecture is unknown.
    """
    if architecture == "mobilenet_v2":
        from maskcam.networks.mobilenet_v2 import mobilenet_v2

        return mobilenet_v2(classes=classes)
    if architecture == "yunet_n":
        from maskcam.networks.yunet import YuNet

        return YuNet()
    known = ", ".join(CLASSIFIERS + DETECTORS)
    raise ValueError(f"architecture must be one of {known}, got {architecture!r}")
