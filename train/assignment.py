"""Which cells of the detector's grids learn which face, and the losses on them.

SimOTA from Z. Ge et al., "YOLOX: Exceeding YOLO Series in 2021", as YuNet uses it; EIoU from Y. Zhang et al.,
"Focal and Efficient IOU Loss for Accurate Bounding Box Regression", 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_CENTRE_RADIUS = 2.5  # strides around a face's centre in which cells may learn it
_IOU_WEIGHT = 3.0
_OUTSIDE_COST = 1e5
_CANDIDATES = 10  # cells whose IoUs, summed, tell how many cells a face gets


def pairwise_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """(n, 4) and (m, 4) boxes to (n, m) IoU in [0, 1]."""
    top_left = torch.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = torch.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(-1)
    areas_a, areas_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a_xyxy, b_xyxy))
    return overlap / (areas_a[:, None] + areas_b[None] - overlap + 1e-9)


@torch.no_grad()
def assign(
    boxes_xyxy: Tensor, scores_logits: Tensor, faces_xyxy: Tensor, corners: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor]:
    """SimOTA for one image.

    Args:
        boxes_xyxy: (a, 4) decoded boxes in input pixels.
        scores_logits: (a,) logit of the face output.
        faces_xyxy: (g, 4) labelled faces in input pixels; g may be 0.
        corners: (a, 2) corners of the cells in input pixels, see `maskcam.networks.yunet.grid_cells`.
        strides: (a, 1) strides of the cells in input pixels.

    Returns:
        (p,) indices of the cells that learn a face, and (p,) index of the face that each learns.
    """
    empty = torch.zeros(0, dtype=torch.long)
    if not len(faces_xyxy):
        return empty, empty
    centres = corners + strides / 2
    offsets = torch.cat(
        [centres[:, None] - faces_xyxy[None, :, :2], faces_xyxy[None, :, 2:] - centres[:, None]], -1
    )
    in_box = offsets.amin(-1) > 0  # (a, g)
    face_centres = (faces_xyxy[:, :2] + faces_xyxy[:, 2:]) / 2
    in_centre = (centres[:, None] - face_centres[None]).abs().amax(-1) < _CENTRE_RADIUS * strides
    candidates = (in_box | in_centre).any(1).nonzero().squeeze(1)
    if not len(candidates):
        return empty, empty
    iou = pairwise_iou(boxes_xyxy[candidates], faces_xyxy)  # (c, g)
    score_cost = F.softplus(-scores_logits[candidates])[:, None]  # cross entropy against "is a face"
    outside = ~(in_box & in_centre)[candidates]
    cost = score_cost - _IOU_WEIGHT * (iou + 1e-8).log() + _OUTSIDE_COST * outside
    counts = iou.topk(min(_CANDIDATES, len(candidates)), dim=0).values.sum(0).int().clamp(min=1)
    matched = torch.zeros_like(cost, dtype=torch.bool)
    for face, count in enumerate(counts.tolist()):
        matched[cost[:, face].topk(count, largest=False).indices, face] = True
    contested = matched.sum(1) > 1
    if contested.any():
        best = cost[contested].argmin(1)
        matched[contested] = F.one_hot(best, len(faces_xyxy)).bool()
    rows, faces = matched.nonzero(as_tuple=True)
    return candidates[rows], faces


def side_loss(boxes_xyxy: Tensor, faces_xyxy: Tensor) -> Tensor:
    """(p, 4) predicted and (p, 4) labelled boxes to (p,) squared distances of the sides, in sizes of the face.

    Data sets draw boxes differently: from the brows here, around the head there. Overlap losses side with the more
    frequent style where a face does not tell which it is; squares settle in between, within reach of both.
    """
    sizes = (faces_xyxy[:, 2:] - faces_xyxy[:, :2]).repeat(1, 2)
    return ((boxes_xyxy - faces_xyxy) / sizes).square().sum(1).clamp(max=1.0)


def eiou_loss(boxes_xyxy: Tensor, faces_xyxy: Tensor) -> Tensor:
    """(p, 4) predicted and (p, 4) labelled boxes to (p,) losses: 1 - IoU + centre, width and height penalties."""
    overlap = (
        torch.minimum(boxes_xyxy[:, 2:], faces_xyxy[:, 2:])
        - torch.maximum(boxes_xyxy[:, :2], faces_xyxy[:, :2])
    ).clamp(min=0)
    sizes, face_sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], faces_xyxy[:, 2:] - faces_xyxy[:, :2]
    area = overlap.prod(1)
    iou = area / (sizes.prod(1) + face_sizes.prod(1) - area + 1e-7)
    hull = torch.maximum(boxes_xyxy[:, 2:], faces_xyxy[:, 2:]) - torch.minimum(
        boxes_xyxy[:, :2], faces_xyxy[:, :2]
    )
    shift = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:] - faces_xyxy[:, :2] - faces_xyxy[:, 2:]) / 2
    centre = shift.square().sum(1) / (hull.square().sum(1) + 1e-7)
    shape = ((sizes - face_sizes).square() / (hull.square() + 1e-7)).sum(1)
    return 1 - iou + centre + shape
