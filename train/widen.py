"""Makes a larger YuNet that starts out as good as a small one."""

from __future__ import annotations

import torch
from torch import Tensor

from maskcam.networks.yunet import YuNet

_UNEVEN = 0.3  # how unlike the copies of a channel are weighted, so that they part in training


@torch.no_grad()
def widen(network: YuNet, *, width: int) -> YuNet:
    """A network with `width` times the channels and the same output.

    Every channel is copied, and who reads a channel shares its weight among the copies (T. Chen et al., "Net2Net:
    Accelerating Learning via Knowledge Transfer", ICLR 2016, Net2WiderNet), unevenly, since equal ones would learn
    the same for ever. Copies of channel c are channels c, c + C, c + 2 C and so on, so that the sums of the feature
    pyramid meet their like.

    Args:
        network: of width 1; left unchanged.
        width: factor on the channels, at least 1.
    """
    wide = YuNet(width=width)
    generator = torch.Generator().manual_seed(0)
    narrow = network.state_dict()
    wide.load_state_dict(
        {name: _fit(narrow[name], shape.shape, generator) for name, shape in wide.state_dict().items()}
    )
    return wide.train(network.training)


def _fit(tensor: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    if tensor.ndim == 0:  # a batch norm's counter
        return tensor.clone()
    copies = shape[0] // tensor.shape[0]
    tensor = tensor.repeat(copies, *[1] * (tensor.ndim - 1))
    if tensor.ndim == 4 and shape[1] != tensor.shape[1]:  # reads channels that now come several times
        readers = shape[1] // tensor.shape[1]
        parts = 1 + _UNEVEN * (2 * torch.rand(readers, *tensor.shape, generator=generator) - 1)
        parts /= parts.sum(0)
        tensor = (parts * tensor).movedim(0, 1).flatten(1, 2)
    return tensor.clone()
