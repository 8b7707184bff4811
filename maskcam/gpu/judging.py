"""Faces on the device to verdicts: crops are cut there, and go through the classifier in a few sizes of batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torchvision.ops import roi_align

from maskcam.classifiers.torch import second_view
from maskcam.crops import CropSpec
from maskcam.gpu.graphs import Recorded
from maskcam.gpu.upload import Batch
from maskcam.weights import ModelCard

SIZES = (16, 32, 64, 128, 256, 512)
"""Of batches: a graph is recorded for each."""
_HEADROOM = 1.25
"""More faces than in the step before for which there is room at once."""


def batch_size(count: int, *, headroom: float = _HEADROOM) -> int:
    """The one of `SIZES` for so many faces in the step before; the largest where there is no larger."""
    return next((size for size in SIZES if size >= count * headroom), SIZES[-1])


class Judge:
    """Judges crops on the device.

    Args:
        network: from (n, 3, S, S) to (n, classes) logits; copied, its batch norms folded into the convolutions.
        card: how to feed it and to read its outputs.
        device: where to compute.
        dtype: of the network.
        twice: judge the second view of every crop, too; see `maskcam.classifiers.torch`.
    """

    def __init__(
        self,
        network: nn.Module,
        card: ModelCard,
        *,
        device: torch.device,
        dtype: torch.dtype,
        twice: bool = False,
    ) -> None:
        if card.crop_margin is None:
            raise ValueError(f"{card.name} is a {card.task}, not a classifier")
        self.crop = CropSpec(size=card.input_size, margin=card.crop_margin)
        self._network = fuse(network.eval()).to(device, dtype).to(memory_format=torch.channels_last)
        self._dtype = dtype
        self._twice = twice
        self._order = [2, 1, 0] if card.channel_order == "RGB" else [0, 1, 2]
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (card.mean, card.std)
        )
        self._temperature = card.temperature
        self._bias = torch.tensor(card.class_bias or [0.0] * len(card.classes), device=device)
        self._recorded: dict[int, Recorded] = {}
        if device.type == "cuda":  # now, while no other thread is at work on the device
            with torch.inference_mode():
                place = torch.zeros(SIZES[-1], 3, self.crop.size, self.crop.size, device=device)
                for size in reversed(SIZES):  # the largest first: the others fit into its memory
                    self._recorded[size] = Recorded(
                        self._compute, place=place[:size], beside=self._recorded.get(SIZES[-1])
                    )

    def judge(self, crops: Tensor) -> Tensor:
        """Judges crops.

        Args:
            crops: (n, 3, S, S) float32 BGR in 0..255, n one of `SIZES`.

        Returns:
            (n, classes) float32 probabilities; on CUDA overwritten by the next call.
        """
        return self._recorded.get(len(crops), self._compute)(crops)

    def _compute(self, crops: Tensor) -> Tensor:
        ordered = torch.stack([crops[:, channel] for channel in self._order], dim=1)
        inputs = (ordered - self._mean) / self._std
        probabilities = self._probabilities(inputs)
        if self._twice:
            probabilities = (probabilities + self._probabilities(second_view(inputs))) / 2
        return probabilities

    def _probabilities(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self._network(inputs.to(self._dtype, memory_format=torch.channels_last))
        return (logits.float() / self._temperature + self._bias).softmax(dim=1)


def cut_crops(batches: Sequence[Batch], owners: Tensor, boxes_xyxy: Tensor, spec: CropSpec) -> Tensor:
    """Cuts one square crop per box on the device, as `maskcam.crops.cut_crops` does.

    Where a crop shrinks each of its pixels is the mean of bilinear samples no more than a pixel apart, which is nearly
    the mean over the area: within 2 levels in the mean over a crop of a photograph. The outermost pixels of an enlarged
    crop are sampled half a pixel beyond its edge, where OpenCV sees the edge's own pixel.

    Args:
        batches: the pictures.
        owners: (n,) int64: in which picture each box is, batch after batch.
        boxes_xyxy: (n, 4) float32, pixels of that picture.
        spec: side and margin.

    Returns:
        (n, 3, S, S) float32, BGR in 0..255; black where a crop reaches beyond its picture.
    """
    squares = _whole_squares(boxes_xyxy, margin=spec.margin)
    crops = boxes_xyxy.new_zeros(len(owners), 3, spec.size, spec.size)
    start = 0
    for batch in batches:
        places = owners - start
        is_here = (places >= 0) & (places < len(batch.members))
        # the others lie where nothing is, so that the number of crops is the same in each batch
        here = torch.where(is_here.unsqueeze(1), squares, -9.0)
        rois = torch.cat([(places * is_here).unsqueeze(1).float(), here], dim=1)
        cut = roi_align(batch.bgr, rois, spec.size, sampling_ratio=-1, aligned=True)
        crops += cut * _inside(squares, batch.size_wh, spec.size)
        start += len(batch.members)
    return crops


def _whole_squares(boxes_xyxy: Tensor, *, margin: float) -> Tensor:
    """Squares around boxes, rounded to whole pixels as in `maskcam.crops`."""
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    sides = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).amax(dim=1, keepdim=True)
    half = sides.clamp_min(1) * (0.5 + margin)
    near, far = centres - half, centres + half
    corners = (near + 0.5).floor()
    rounded = (far - near + 0.5).floor()[:, :1].clamp_min(1)
    return torch.cat([corners, corners + rounded], dim=1)


def _inside(squares_xyxy: Tensor, size_wh: tuple[int, int], size: int) -> Tensor:
    """(n, 1, size, size) bool: which pixels of crops lie in the picture; `roi_align` goes one beyond its edge."""
    steps = (torch.arange(size, device=squares_xyxy.device) + 0.5) / size
    sides = squares_xyxy[:, 2:3] - squares_xyxy[:, :1]
    across, down = (
        (at >= 0) & (at < side)
        for corner, side in zip(squares_xyxy[:, :2].unbind(1), size_wh, strict=True)
        for at in [corner.unsqueeze(1) + steps * sides]
    )
    return (down.unsqueeze(2) & across.unsqueeze(1)).unsqueeze(1)
