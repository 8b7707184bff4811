"""Xception (Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017)."""

from __future__ import annotations

from torch import nn

from maskcam.errors import MissingLibraryError

_DENSE = 728


def xception(*, classes: int) -> nn.Module:
    """Timm's network with a dense head.

    The study says "Xception + dense head" and 22.3 M parameters. Timm's body has 20.81 M and 2048 features; one dense
    layer as wide as the middle of the body, 728, brings the sum to 22.30 M.

    Args:
        classes: number of outputs (logits).

    Returns:
        A network from (n, 3, S, S) float, RGB, normalised, to (n, classes) logits. Parameter names of the body are
        timm's.

    Raises:
        MissingLibraryError: timm is not installed.
    """
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"xception needs a Python package that is not installed ({error}): "
            "run `pip install 'maskcam[xception]'`"
        ) from error
    network = timm.create_model("legacy_xception", pretrained=False, num_classes=0)
    network.fc = nn.Sequential(
        nn.Linear(2048, _DENSE),
        nn.ReLU(inplace=True),
        nn.Linear(_DENSE, classes),
    )
    return network
