"""Which boxes are of the same face, for many pictures at once and without asking the device in between."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 24
"""Of `suppress`. Each settles at least the best box that was still open in every heap of boxes, and all that hang on
it: the detector's heaps take two or three."""


def suppress(
    boxes_xyxy: Tensor, scores: Tensor, *, minimum_score: float, iou: float, vote_iou: float
) -> tuple[Tensor, Tensor]:
    """Keeps the best box of each face, moved to the mean of those that vote for it; see `maskcam.detectors.grid`.

    Greedy suppression asks box by box which are still there. Here all are asked at once whether a better one that
    overlaps them is, as far as known, and then again: after n rounds every box is right whose fate hangs on a chain of
    no more than n others. Sizes and number of rounds are fixed, so the host never waits for an answer.

    Args:
        boxes_xyxy: (b, k, 4) float32, the best of each picture first.
        scores: (b, k) float32, descending.
        minimum_score: boxes below it are none.
        iou: a box that overlaps a better one by more is of the same face.
        vote_iou: a box that overlaps by at least as much votes for its place.

    Returns:
        (b, k) bool, which are kept, and (b, k, 4) float32, where they are.
    """
    alike = overlaps(boxes_xyxy)
    is_real = scores >= minimum_score
    rivals = (alike > iou).tril_(-1).to(_counting_type(boxes_xyxy.device))  # (b, k, those better than k)
    is_kept = is_real
    for _ in range(ROUNDS):
        is_kept = is_real & (torch.bmm(rivals, is_kept.to(rivals.dtype).unsqueeze(2)).squeeze(2) == 0)
    votes = (alike >= vote_iou) * (scores * is_real).unsqueeze(1)
    settled = torch.bmm(votes, boxes_xyxy) / votes.sum(dim=2, keepdim=True).clamp_min_(1e-9)
    return is_kept, settled


def overlaps(boxes_xyxy: Tensor) -> Tensor:
    """Intersection over union, (b, k, k), of all boxes (b, k, 4) of a picture with each other."""
    left, top, right, bottom = boxes_xyxy.unsqueeze(2).unbind(3)
    width = torch.minimum(right, right.mT).sub_(torch.maximum(left, left.mT)).clamp_min_(0)
    height = torch.minimum(bottom, bottom.mT).sub_(torch.maximum(top, top.mT)).clamp_min_(0)
    common = width.mul_(height)
    areas = (right - left) * (bottom - top)
    return common / (areas + areas.mT - common).clamp_min_(1e-9)


def _counting_type(device: torch.device) -> torch.dtype:
    """In half precision a GPU counts twice as fast, and that it counts at all is enough; CPUs are slow at it."""
    return torch.float16 if device.type == "cuda" else torch.float32
