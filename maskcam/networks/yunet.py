"""YuNet: a face detector of 76,000 parameters, or more where it is made wider.

W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023.
Parameter names are those of the published weights, so that they load as they are.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)
LANDMARKS = 5

_STAGES = ((16, 16), (16, 64), (64, 64), (64, 64), (64, 64), (64, 64))
_POOL_AFTER = (0, 2, 3, 4)
_OUTPUT_STAGES = (3, 4, 5)


class Predictions(NamedTuple):
    """What the network says of every cell of its three grids, finest first, row by row.

    Attributes:
        face: (b, a) logits: is the cell's best box a face.
        objectness: (b, a) logits: how well does it fit.
        boxes: (b, a, 4): centre offset (x, y) in strides from the cell's corner, and log of the size in strides.
        landmarks: (b, a, 10): five (x, y) offsets in strides from the cell's corner.
    """

    face: Tensor
    objectness: Tensor
    boxes: Tensor
    landmarks: Tensor


class SeparableUnit(nn.Module):
    """1x1 convolution, then 3x3 depthwise, then batch norm and ReLU where `activated`."""

    def __init__(self, in_channels: int, out_channels: int, *, activated: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels)
        self.bn = nn.BatchNorm2d(out_channels) if activated else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.conv1(x))
        if self.bn is not None:
            x = F.relu(self.bn(x), inplace=True)
        return x


class Stem(nn.Module):
    """First stage: a 3x3 convolution of stride 2 and one separable unit."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, in_channels, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = SeparableUnit(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return cast("Tensor", self.conv2(x))


class Stage(nn.Module):
    """Later stages: two separable units."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = SeparableUnit(in_channels, in_channels)
        self.conv2 = SeparableUnit(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv2(self.conv1(x)))


class Backbone(nn.Module):
    """Six stages; the last three, at strides 8, 16 and 32, are its output."""

    def __init__(self, width: int) -> None:
        super().__init__()
        stem, *stages = [(width * inner, width * outer) for inner, outer in _STAGES]
        self.model0 = Stem(*stem)
        for i, channels in enumerate(stages, start=1):
            self.add_module(f"model{i}", Stage(*channels))

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = []
        for i, stage in enumerate(self.children()):
            x = stage(x)
            if i in _OUTPUT_STAGES:
                outputs.append(x)
            if i in _POOL_AFTER:
                x = F.max_pool2d(x, 2)
        return outputs


class Neck(nn.Module):
    """Top-down feature pyramid with one separable unit per level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(SeparableUnit(channels, channels) for _ in STRIDES)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        outputs: list[Tensor] = []
        for feature, lateral in zip(reversed(features), reversed(self.lateral_convs), strict=True):
            if outputs:
                feature = feature + F.interpolate(outputs[0], scale_factor=2.0, mode="nearest")
            outputs.insert(0, lateral(feature))
        return outputs


class Head(nn.Module):
    """Per level one shared unit and four outputs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.multi_level_share_convs = nn.ModuleList(
            nn.Sequential(SeparableUnit(channels, channels)) for _ in STRIDES
        )
        self.multi_level_cls = self._outputs(channels, 1)
        self.multi_level_bbox = self._outputs(channels, 4)
        self.multi_level_obj = self._outputs(channels, 1)
        self.multi_level_kps = self._outputs(channels, 2 * LANDMARKS)

    @staticmethod
    def _outputs(channels: int, out_channels: int) -> nn.ModuleList:
        return nn.ModuleList(SeparableUnit(channels, out_channels, activated=False) for _ in STRIDES)

    def forward(self, features: list[Tensor]) -> Predictions:
        shared = [unit(feature) for unit, feature in zip(self.multi_level_share_convs, features, strict=True)]

        def flat(units: nn.ModuleList) -> Tensor:
            maps = [unit(feature) for unit, feature in zip(units, shared, strict=True)]
            return torch.cat([m.permute(0, 2, 3, 1).flatten(1, 2) for m in maps], dim=1)

        return Predictions(
            face=flat(self.multi_level_cls).squeeze(2),
            objectness=flat(self.multi_level_obj).squeeze(2),
            boxes=flat(self.multi_level_bbox),
            landmarks=flat(self.multi_level_kps),
        )


class YuNet(nn.Module):
    """The whole detector.

    Args:
        width: factor on the channels of the paper's YuNet-n; time and parameters grow with nearly its square.
    """

    def __init__(self, *, width: int = 1) -> None:
        super().__init__()
        channels = width * _STAGES[-1][1]
        self.backbone = Backbone(width)
        self.neck = Neck(channels)
        self.bbox_head = Head(channels)

    def forward(self, images: Tensor) -> Predictions:
        """Runs the network.

        Args:
            images: (b, 3, h, w) float, BGR, 0..255 without normalisation; h and w multiples of 32.

        Returns:
            Predictions over a = h/8 * w/8 + h/16 * w/16 + h/32 * w/32 cells.
        """
        predictions: Predictions = self.bbox_head(self.neck(self.backbone(images)))
        return predictions


def grid_cells(height: int, width: int, *, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Corners and strides of all cells for an input of the given size.

    Args:
        height: of the network's input in pixels, a multiple of 32.
        width: likewise.
        device: where the tensors are to lie.

    Returns:
        (a, 2) float32 corners (x, y) in input pixels, and (a, 1) float32 strides.
    """
    corners, strides = [], []
    for stride in STRIDES:
        ys, xs = torch.meshgrid(
            torch.arange(height // stride, device=device, dtype=torch.float32),
            torch.arange(width // stride, device=device, dtype=torch.float32),
            indexing="ij",
        )
        corners.append(torch.stack([xs, ys], dim=-1).reshape(-1, 2) * stride)
        strides.append(torch.full((xs.numel(), 1), float(stride), device=device))
    return torch.cat(corners), torch.cat(strides)


def decode_boxes(boxes: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Turns box outputs (..., a, 4) into (..., a, 4) xyxy in pixels of the network's input."""
    centres = corners + boxes[..., :2] * strides
    half = boxes[..., 2:].exp() * strides / 2
    return torch.cat([centres - half, centres + half], dim=-1)


def decode_landmarks(landmarks: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Turns landmark outputs (..., a, 10) into (..., a, 5, 2) pixels of the network's input."""
    offsets = landmarks.reshape(*landmarks.shape[:-1], LANDMARKS, 2)
    return corners.unsqueeze(-2) + offsets * strides.unsqueeze(-1)


def decode_scores(face: Tensor, objectness: Tensor) -> Tensor:
    """Score of each cell in [0, 1]: the geometric mean of the two, as in OpenCV's FaceDetectorYN."""
    return (face.sigmoid() * objectness.sigmoid()).sqrt()
