"""One batch over several processes, so that they compute what one process would compute.

Each process takes its part of every batch. What looks at a whole batch, or draws by chance for all of it, is replaced
here: batch norms take the statistics of the whole batch, and dropout draws for the whole batch in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.ops import StochasticDepth


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every batch that one process computes.

    Attributes:
        rank: of the process, from 0.
        world: number of processes.
    """

    rank: int = 0
    world: int = 1

    def batches(self, samples: int, *, batch_size: int) -> Iterator[range]:
        """Positions in an epoch of this process's samples, batch by batch; a last batch that is not full is left out.

        Args:
            samples: in the epoch.
            batch_size: of all processes together; their parts differ by at most one sample.
        """
        for start in range(0, samples - batch_size + 1, batch_size):
            yield range(start, start + batch_size)[self.rank :: self.world]


def share_batches(network: nn.Module, share: Share, *, batch_size: int, device: torch.device) -> None:
    """Makes a network compute on its part of a batch what it would compute there on the whole batch.

    Parameters, buffers and their names stay the same. Dropout draws from PyTorch's global random state, which has to
    be the same in all processes.

    Args:
        network: changed in place; before its parameters are handed to an optimizer.
        share: of this process.
        batch_size: of all processes together.
        device: where it will compute; PyTorch's own synchronised batch norm is for GPUs only.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.Dropout):
            setattr(network, name, SharedDropout(child.p, share, batch_size=batch_size, whole_samples=False))
        elif isinstance(child, StochasticDepth):
            setattr(network, name, SharedDropout(child.p, share, batch_size=batch_size, whole_samples=True))
        elif isinstance(child, _BatchNorm) and share.world > 1:
            kind = nn.SyncBatchNorm if device.type == "cuda" else SharedBatchNorm
            norm = kind(child.num_features, child.eps, child.momentum)
            norm.load_state_dict(child.state_dict())
            setattr(network, name, norm)
        else:
            share_batches(child, share, batch_size=batch_size, device=device)


class SharedDropout(nn.Module):
    """Dropout, or stochastic depth, whose mask for a sample does not depend on how many processes there are.

    Args:
        probability: of a zero.
        share: of this process.
        batch_size: of all processes together.
        whole_samples: all values of a sample fall or stay together.
    """

    def __init__(self, probability: float, share: Share, *, batch_size: int, whole_samples: bool) -> None:
        super().__init__()
        self._probability = probability
        self._share = share
        self._batch_size = batch_size
        self._whole_samples = whole_samples

    def forward(self, values: Tensor) -> Tensor:
        """(b, ...) values, this process's part of the batch, to the same."""
        if not self.training:
            return values
        shape = [1] * (values.ndim - 1) if self._whole_samples else values.shape[1:]
        mask = F.dropout(values.new_ones((self._batch_size, *shape)), self._probability)
        return values * mask[self._share.rank :: self._share.world]


class SharedBatchNorm(_BatchNorm):
    """Batch norm over the samples of all processes, on any device; in evaluation mode as any other."""

    def forward(self, values: Tensor) -> Tensor:
        """(b, channels, ...) values, this process's part of the batch, to the same."""
        if not self.training:
            return super().forward(values)
        axes = [axis for axis in range(values.ndim) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(values.ndim)]
        exact = values.to(torch.promote_types(values.dtype, torch.float32))
        count = exact.new_tensor([values.numel() / values.shape[1]])
        sums = _sum_over_processes(torch.cat([exact.sum(axes), count]))
        mean, total = sums[:-1] / sums[-1], sums[-1]
        centred = exact - mean.view(shape)
        # in a second round: a difference of two large sums of squares would have lost the digits that matter
        variance = _sum_over_processes(centred.square().sum(axes)) / total
        self._remember(mean.detach(), variance.detach() * total / (total - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(shape) + self.bias.view(shape)).to(values.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)

    def _check_input_dim(self, values: Tensor) -> None:
        """Any number of dimensions will do."""


class _SumOverProcesses(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:  # noqa: ANN401  # PyTorch's own context
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total


def _sum_over_processes(values: Tensor) -> Tensor:
    """The sum; gradients flow back through it to all processes."""
    total: Tensor = _SumOverProcesses.apply(values)
    return total
