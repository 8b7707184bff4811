"""YuNet on the device: from pictures to faces, best first, without asking the device in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maskcam.detectors.grid import CANDIDATES, NMS_IOU, VOTE_IOU
from maskcam.detectors.yunet import fold_batch_norms
from maskcam.gpu.shrinking import Letterbox
from maskcam.gpu.suppression import suppress
from maskcam.gpu.upload import Batch
from maskcam.networks.yunet import YuNet, decode_boxes, decode_landmarks, decode_scores, grid_cells

_AT_ONCE = 16
"""Pictures whose boxes are compared at once: a few 64 MB each for what overlaps what."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Faces of all pictures, on the device: the best first, and after the last one rows that mean nothing.

    Attributes:
        count: (), how many there are.
        owners: (k,) int64: in which picture each is, batch after batch.
        boxes_xyxy: (k, 4) float32, pixels of that picture, within it.
        scores: (k,) float32.
        landmarks: (k, 10) float32, pixels of that picture.
    """

    count: Tensor
    owners: Tensor
    boxes_xyxy: Tensor
    scores: Tensor
    landmarks: Tensor

    def rows(self, start: int, stop: int) -> Found:
        """Some of them; the indices may lie beyond the end."""
        index = torch.arange(start, stop, device=self.owners.device).clamp_max_(len(self.owners) - 1)
        return Found(
            self.count, self.owners[index], self.boxes_xyxy[index], self.scores[index], self.landmarks[index]
        )


class Finder:
    """Finds faces in pictures that are on the device.

    Args:
        network: with its weights; copied, its batch norms folded into the convolutions.
        size: longest side in pixels that pictures are resized to.
        minimum_score: faces below it are dropped.
        device: where to compute.
        dtype: of the network; boxes and scores are float32 from there on.
    """

    def __init__(
        self, network: YuNet, *, size: int, minimum_score: float, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._minimum_score = minimum_score
        self._letterbox = Letterbox(size=size, device=device, dtype=dtype)
        self._network = fold_batch_norms(network).to(device, dtype).to(memory_format=torch.channels_last)

    def find(self, batches: Sequence[Batch]) -> Found:
        """Finds the faces in at least one batch."""
        parts, start = [], 0
        for batch in batches:
            parts.append(self._find(batch, start))
            start += len(batch.members)
        owners, boxes, scores, landmarks = (torch.cat(columns) for columns in zip(*parts, strict=True))
        order = scores.argsort(descending=True, stable=True)
        count = (scores > 0).sum()
        return Found(count, owners[order], boxes[order], scores[order], landmarks[order])

    def _find(self, batch: Batch, start: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Owners from `start` on, boxes, scores (0 where there is no face) and landmarks of all candidates."""
        inputs = self._letterbox(batch)
        face, objectness, offsets, points = (output.float() for output in self._network(inputs))
        scores, cells = decode_scores(face, objectness).sort(dim=1, descending=True, stable=True)
        scores, cells = scores[:, :CANDIDATES], cells[:, :CANDIDATES]
        corners, strides = (of_all[cells] for of_all in grid_cells(*inputs.shape[2:], device=inputs.device))
        boxes = decode_boxes(_pick(offsets, cells), corners, strides)
        landmarks = decode_landmarks(_pick(points, cells), corners, strides).flatten(2)
        is_kept, boxes = self._suppress(boxes, scores)
        scale = self._letterbox.scale_of(batch.size_wh)
        width, height = batch.size_wh
        boxes = torch.stack(
            [
                (edge / scale).clamp(0, side)
                for edge, side in zip(boxes.unbind(2), (width, height) * 2, strict=True)
            ],
            dim=2,
        )
        is_kept &= (boxes[:, :, 2:] - boxes[:, :, :2] >= 1).all(dim=2)  # as `tidy_faces` has it
        owners = torch.arange(start, start + len(scores), device=scores.device).unsqueeze(1).expand_as(cells)
        return (
            owners.flatten(),
            boxes.flatten(0, 1),
            (scores * is_kept).flatten(),
            (landmarks / scale).flatten(0, 1),
        )

    def _suppress(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        parts = [
            suppress(*part, minimum_score=self._minimum_score, iou=NMS_IOU, vote_iou=VOTE_IOU)
            for part in zip(torch.split(boxes, _AT_ONCE), torch.split(scores, _AT_ONCE), strict=True)
        ]
        is_kept, settled = (torch.cat(columns) for columns in zip(*parts, strict=True))
        return is_kept, settled


def _pick(values: Tensor, cells: Tensor) -> Tensor:
    """Of values (b, a, c) those of cells (b, k), (b, k, c)."""
    return values.gather(1, cells.unsqueeze(2).expand(-1, -1, values.shape[2]))
