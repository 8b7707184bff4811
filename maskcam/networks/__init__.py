"""Network architectures, one per file, by the name that model cards use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

CLASSIFIERS = ("cnn1", "cnn2", "efficientnet_b0", "mnasnet", "mobilenet_v2", "resnet18", "xception")
DETECTORS = ("yunet_n", "yunet_l")


def build_network(architecture: str, *, classes: int, input_size: int) -> nn.Module:
    """Makes a network with random weights.

    Args:
        architecture: one of `CLASSIFIERS` or `DETECTORS`.
        classes: number of outputs of a classifier; ignored by detectors.
        input_size: side of the crops in pixels; ignored by networks that take any size, which is all but cnn1
            and cnn2.

    Raises:
        ValueError: the architecture is unknown, or the crops are too small for it.
        MissingLibraryError: the architecture comes from a package that is not installed.
    """
    match architecture:
        case "cnn1":
            from maskcam.networks.cnn1 import Cnn1

            return Cnn1(classes=classes, input_size=input_size)
        case "cnn2":
            from maskcam.networks.cnn2 import Cnn2

            return Cnn2(classes=classes, input_size=input_size)
        case "efficientnet_b0":
            from maskcam.networks.efficientnet_b0 import efficientnet_b0

            return efficientnet_b0(classes=classes)
        case "mnasnet":
            from maskcam.networks.mnasnet import mnasnet

            return mnasnet(classes=classes)
        case "mobilenet_v2":
            from maskcam.networks.mobilenet_v2 import mobilenet_v2

            return mobilenet_v2(classes=classes)
        case "resnet18":
            from maskcam.networks.resnet18 import resnet18

            return resnet18(classes=classes)
        case "xception":
            from maskcam.networks.xception import xception

            return xception(classes=classes)
        case "yunet_n":
            from maskcam.networks.yunet import YuNet

            return YuNet()
        case "yunet_l":
            from maskcam.networks.yunet import YuNet

            return YuNet(width=2)
    known = ", ".join(CLASSIFIERS + DETECTORS)
    raise ValueError(f"architecture must be one of {known}, got {architecture!r}")
