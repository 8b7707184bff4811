"""Pictures of any number of cameras to the device, once and as they were decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from maskcam.pixels import Coding, Image, Pixels, Planes


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures of one size that lie on the device.

    Attributes:
        members: where each of them stood among those that were uploaded.
        bgr: (b, 3, h, w) float32 on the device: whole numbers in 0..255.
        is_planar: they were 4:2:0, and not BGR.
    """

    members: tuple[int, ...]
    bgr: Tensor
    is_planar: bool

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[3], self.bgr.shape[2]


class Uploader:
    """Brings pictures to a device: 4:2:0 ones at 1.5 bytes a pixel, to be converted there.

    What is on its way lies in page-locked memory, from which the device fetches it while the next picture is being
    packed. That memory is used again by the next call: by then whatever was uploaded must have been waited for.

    Args:
        device: where to.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._staging = torch.empty(0, dtype=torch.uint8)

    def upload(self, pictures: Sequence[Pixels]) -> list[Batch]:
        """Uploads pictures, those of the same size and coding as one batch.

        Args:
            pictures: of any sizes; left unchanged.

        Returns:
            Batches in which each of them is once.
        """
        groups: dict[tuple[tuple[int, int], Coding | None], list[tuple[int, Planes | None]]] = {}
        for i, picture in enumerate(pictures):
            planes = picture.planes()
            key = picture.size_wh, None if planes is None else planes.coding
            groups.setdefault(key, []).append((i, planes))
        # one buffer here and there for all of them
        lengths = [len(group) * _byte_count(*key) for key, group in groups.items()]
        staging = self._room(sum(lengths))
        arrived = torch.empty(sum(lengths), dtype=torch.uint8, device=self._device)
        batches = []
        for (size_wh, coding), group, here, there in zip(
            groups,
            groups.values(),
            torch.split(staging, lengths),
            torch.split(arrived, lengths),
            strict=True,
        ):
            rows, sent = here.view(len(group), -1), there.view(len(group), -1)
            for (i, planes), row, goal in zip(group, rows, sent, strict=True):
                _pack(planes or pictures[i].whole(), row)
                goal.copy_(row, non_blocking=True)
            bgr = bgr_of_pixels(sent, size_wh) if coding is None else bgr_of_planes(sent, size_wh, coding)
            batches.append(Batch(tuple(i for i, _ in group), bgr, coding is not None))
        return batches

    def _room(self, length: int) -> Tensor:
        if len(self._staging) < length:
            self._staging = torch.empty(length, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        return self._staging[:length]


def bgr_of_planes(packed: Tensor, size_wh: tuple[int, int], coding: Coding) -> Tensor:
    """Converts 4:2:0 pictures on the device, within 3 levels of swscale, which rounds more often.

    Where a side is odd swscale interpolates chroma, and differs more: no camera has such a side.

    Args:
        packed: (b, bytes) uint8: luma and then both chroma planes of each picture.
        size_wh: of the pictures.
        coding: what they mean; the formulas are those of ITU-T H.273, section 8.3.

    Returns:
        (b, 3, h, w) float32: whole numbers in 0..255.
    """
    width, height = size_wh
    luma = packed[:, : width * height].reshape(-1, 1, height, width).float()
    chroma = packed[:, width * height :].reshape(-1, 2, _halved(height), _halved(width)).float() - 128
    if not coding.is_full:
        luma, chroma = (luma - 16) * (255 / 219), chroma * (255 / 224)
    blue, red = 2 * (1 - coding.blue) * chroma[:, 0], 2 * (1 - coding.red) * chroma[:, 1]
    green = (blue * -coding.blue - red * coding.red) / (1 - coding.blue - coding.red)
    tint = interpolate(torch.stack([blue, green, red], dim=1), scale_factor=2, mode="nearest")
    return (luma + tint[:, :, :height, :width]).round_().clamp_(0, 255)


def bgr_of_pixels(packed: Tensor, size_wh: tuple[int, int]) -> Tensor:
    """BGR pictures, (b, bytes) uint8 with three bytes per pixel, as (b, 3, h, w) float32."""
    width, height = size_wh
    pixels = packed.view(-1, height, width, 3).permute(0, 3, 1, 2)
    return pixels.to(torch.float32, memory_format=torch.contiguous_format)


def _byte_count(size_wh: tuple[int, int], coding: Coding | None) -> int:
    width, height = size_wh
    return 3 * width * height if coding is None else width * height + 2 * _halved(width) * _halved(height)


def _halved(side: int) -> int:
    return (side + 1) // 2


def _pack(picture: Planes | Image, row: Tensor) -> None:
    """Copies a picture by PyTorch, which shares the work among the cores: with many cameras it takes the host long."""
    parts = (picture.luma, *picture.chroma) if isinstance(picture, Planes) else (picture,)
    start = 0
    for part in parts:
        if (
            min(part.strides) < 0 or not part.flags.writeable
        ):  # PyTorch takes neither, though nothing is written here
            part = part.copy()
        row[start : start + part.size].view(part.shape).copy_(torch.from_numpy(part))
        start += part.size
