"""YuNet in PyTorch, fine-tuned so that masked faces are found: the default detector on GPUs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval
from torchvision.ops import batched_nms, box_iou

from maskcam.detectors.base import Detector
from maskcam.detectors.grid import CANDIDATES, NMS_IOU, VOTE_IOU
from maskcam.detectors.letterbox import STRIDE, input_shape, letterbox
from maskcam.detectors.tidy import tidy_faces
from maskcam.devices import describe_torch
from maskcam.networks import DETECTORS
from maskcam.networks.yunet import (
    LANDMARKS,
    SeparableUnit,
    Stem,
    YuNet,
    decode_boxes,
    decode_landmarks,
    decode_scores,
    grid_cells,
)
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image
from maskcam.weights import load_weights

_CPU_BATCH = 1  # see EngineDetector


class YuNetDetector(Detector):
    """Finds faces with YuNet; on a GPU, all images of a call go through the network in one batch.

    Args:
        network: the network with its weights; copied, its batch norms folded into the convolutions.
        size: longest side in pixels that images are resized to before detection. Smaller is faster (time grows with
            the square); faces under about 8 pixels at this size are missed.
        minimum_score: faces below it are dropped; 0.05 keeps all that average precision needs, 0.5 is for people.
        device: where to compute.
    """

    def __init__(self, network: YuNet, *, size: int, minimum_score: float, device: torch.device) -> None:
        if size < STRIDE:
            raise ValueError(f"size must be at least {STRIDE} pixels, got {size}")
        self.device = describe_torch(device)
        self._device = device
        self._size = size
        self._minimum_score = minimum_score
        self._most = _CPU_BATCH if device.type == "cpu" else None
        self._network = fold_batch_norms(network).to(memory_format=torch.channels_last).to(device)

    @classmethod
    def from_weights(
        cls, weights: Path, *, size: int, minimum_score: float, device: torch.device
    ) -> YuNetDetector:
        """Loads a weights file with its model card.

        Raises:
            WeightsError: the file or its card is missing, damaged, or not a YuNet.
        """
        _, network = load_weights(weights, architectures=DETECTORS)
        assert isinstance(network, YuNet)
        return cls(network, size=size, minimum_score=minimum_score, device=device)

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        """Finds faces; images that have the same shape once resized share a batch, but on the CPU."""
        pictures = [as_pixels(image) for image in images]
        groups: dict[tuple[int, int], list[int]] = {}
        for i, picture in enumerate(pictures):
            groups.setdefault(input_shape(picture.size_wh, size=self._size), []).append(i)
        found: dict[int, Faces] = {}
        for shape, group in groups.items():
            most = self._most or len(group)
            for start in range(0, len(group), most):
                members = group[start : start + most]
                batch = [pictures[i] for i in members]
                found.update(zip(members, self._detect_group(batch, shape), strict=True))
        return [found[i] for i in range(len(pictures))]

    def _detect_group(self, pictures: Sequence[Pixels], shape: tuple[int, int]) -> list[Faces]:
        batch, scales = letterbox(pictures, size=self._size, shape=shape)
        with torch.inference_mode():
            # NHWC bytes seen as NCHW are channels-last already: no copy but the conversion to float
            pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).float()
            predictions = self._network(pixels)
            corners, strides = grid_cells(*shape, device=self._device)
            scores = decode_scores(predictions.face, predictions.objectness)
            boxes = decode_boxes(predictions.boxes, corners, strides)
            landmarks = decode_landmarks(predictions.landmarks, corners, strides)
            owners, cells, settled = self._suppress(boxes, scores)
            rest = [scores[owners, cells].unsqueeze(1), landmarks[owners, cells].flatten(1)]
            found = torch.cat([settled, *rest], dim=1).cpu().numpy()
            which = owners.cpu().numpy()
        return [
            tidy_faces(
                rows[:, :4] / scale,
                rows[:, 4],
                rows[:, 5:].reshape(-1, LANDMARKS, 2) / scale,
                size_wh=picture.size_wh,
            )
            for i, (picture, scale) in enumerate(zip(pictures, scales, strict=True))
            for rows in [found[which == i]]
        ]

    def _suppress(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image and cell of the faces that survive, best score first, and their (k, 4) boxes.

        The box of a face is the mean of all boxes that were suppressed for it, weighted by score ("box voting",
        S. Gidaris and N. Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model",
        ICCV 2015): steadier from frame to frame than the best one alone, and closer to the face.
        """
        top_scores, top_cells = scores.topk(min(CANDIDATES, scores.shape[1]), dim=1)
        owners, ranks = (top_scores >= self._minimum_score).nonzero(as_tuple=True)
        cells, weights = top_cells[owners, ranks], top_scores[owners, ranks]
        candidates = boxes[owners, cells]
        kept = batched_nms(candidates, weights, owners, NMS_IOU)
        same_face = (box_iou(candidates[kept], candidates) >= VOTE_IOU) & (owners[kept, None] == owners)
        votes = same_face * weights
        settled = votes @ candidates / votes.sum(dim=1, keepdim=True)
        return owners[kept], cells[kept], settled


def fold_batch_norms(network: YuNet) -> YuNet:
    """A copy in evaluation mode whose batch norms are part of the convolutions before them: same outputs, faster."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, SeparableUnit) and module.bn is not None:
            module.conv2 = fuse_conv_bn_eval(module.conv2, module.bn)
            module.bn = nn.Identity()  # type: ignore[assignment]  # ReLU still follows it
        elif isinstance(module, Stem):
            module.conv1 = fuse_conv_bn_eval(module.conv1, module.bn1)
            module.bn1 = nn.Identity()  # type: ignore[assignment]
    return network
