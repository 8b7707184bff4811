"""Fine-tunes the YuNet face detector on scenes, so that masked faces are found."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from maskcam.detectors.yunet import YuNetDetector
from maskcam.networks.yunet import YuNet, decode_boxes, decode_landmarks, grid_cells
from maskcam.weights import ModelCard, read_card
from train.assignment import assign, eiou_loss, pairwise_iou, side_loss
from train.loop import Sums, Task, run_training
from train.metrics import average_precision_any_face, detection_figures
from train.recipe import DetectorRecipe
from train.scenes import Scene, read_scenes
from train.sharing import Share
from train.ship import replace_metrics, round_to_half, ship
from train.widen import widen
from train.windows import SceneWindows, Window, pretrained_landmarks

DetectorBatch = tuple[Tensor, list[Window]]

_WIDTHS = {"yunet_n": 1, "yunet_l": 2}
_BOX_WEIGHT, _LANDMARK_WEIGHT = 5.0, 0.1  # as published; the two scores have weight 1
_SIDE_WEIGHT = 4.0  # against EIoU: enough to settle between two styles of boxes, see side_loss
_LEAST_SCORE = 0.05  # all that average precision needs
BLEND_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


def detector_loss(network: YuNet, images: Tensor, samples: Sequence[Window]) -> Sums:
    """Loss of one batch, summed over its parts, to be divided by the number of cells that learn a face.

    Args:
        network: in training mode.
        images: (b, 3, S, S) float32 BGR 0..255.
        samples: their labels.
    """
    face, objectness, raw_boxes, raw_landmarks = (output.float() for output in network(images))
    corners, strides = grid_cells(*images.shape[2:], device=images.device)
    boxes = decode_boxes(raw_boxes, corners, strides)
    landmarks = decode_landmarks(raw_landmarks, corners, strides)
    target = torch.zeros_like(objectness)
    parts: list[Tensor] = []
    count = 0
    for i, sample in enumerate(samples):
        faces = torch.from_numpy(sample.faces_xyxy).to(images.device)
        cells, owners = assign(boxes[i], face[i], faces, corners, strides)
        if not len(cells):
            continue
        count += len(cells)
        target[i, cells] = 1.0
        mine, theirs = boxes[i, cells], faces[owners]
        with torch.no_grad():
            overlap = pairwise_iou(mine, theirs).diagonal()
        parts.append(F.binary_cross_entropy_with_logits(face[i, cells], overlap, reduction="sum"))
        parts.append(_BOX_WEIGHT * (eiou_loss(mine, theirs) + _SIDE_WEIGHT * side_loss(mine, theirs)).sum())
        points = torch.from_numpy(sample.landmarks).to(images.device)[owners]
        known = ~points.isnan().any(-1).any(-1)
        offsets = (landmarks[i, cells] - points)[known] / strides[cells][known].unsqueeze(-1)
        parts.append(_LANDMARK_WEIGHT * F.smooth_l1_loss(offsets, torch.zeros_like(offsets), reduction="sum"))
    parts.append(F.binary_cross_entropy_with_logits(objectness, target, reduction="sum"))
    return Sums({"loss": torch.stack(parts).sum()}, count=count)


class DetectorTask(Task[YuNet, DetectorBatch]):
    """Finding faces in windows of scenes.

    Args:
        recipe: data and sizes.
        published: the network before fine-tuning; its landmarks are what is taught.
    """

    def __init__(self, recipe: DetectorRecipe, published: YuNet) -> None:
        self._recipe = recipe
        scenes = read_scenes(recipe.train)
        landmarks = pretrained_landmarks(scenes, _detector(published, recipe))
        self._windows = SceneWindows(scenes, landmarks, recipe)
        self._validation = read_scenes(recipe.validation)

    def steps(self) -> int:
        return len(self._windows) // self._recipe.batch_size

    def batches(self, epoch: int, share: Share) -> Iterator[DetectorBatch]:
        seed = f"{self._recipe.seed}/{epoch}"
        order = list(range(len(self._windows)))
        random.Random(seed).shuffle(order)
        for places in share.batches(len(order), batch_size=self._recipe.batch_size):
            samples = []
            for place in places:
                random.seed(f"{seed}/{place}")
                samples.append(self._windows.sample(order[place]))
            stacked = torch.from_numpy(np.stack([sample.image for sample in samples]))
            yield stacked.permute(0, 3, 1, 2).float(), samples

    def loss(self, network: YuNet, batch: DetectorBatch) -> Sums:
        images, samples = batch
        device = next(network.parameters()).device
        return detector_loss(network, images.to(device), samples)

    def validate(self, network: YuNet) -> dict[str, float]:
        score = average_precision_any_face(self._validation, _detector(network, self._recipe))
        return {"loss": 1 - score, "AP50": score}

    def head(self, network: YuNet) -> list[nn.Parameter]:
        return list(network.bbox_head.parameters())


def train_detector(recipe: DetectorRecipe, *, run: Path, fabric: Fabric) -> tuple[YuNet, YuNet]:
    """Runs a recipe, or goes on with it where an earlier call left off.

    Args:
        recipe: data, sizes, rates.
        run: folder for the checkpoint and the log.
        fabric: device and precision.

    Returns:
        The network before and after, the latter with the averaged weights.

    Raises:
        MaskcamError: the loss is not finite.
    """
    published = YuNet()
    published.load_state_dict(load_file(recipe.initial_weights))
    before = widen(published, width=_WIDTHS[recipe.architecture])
    network = copy.deepcopy(before)
    return before, run_training(DetectorTask(recipe, published), network, recipe, run=run, fabric=fabric)


def _detector(network: YuNet, recipe: DetectorRecipe) -> YuNetDetector:
    device = next(network.parameters()).device
    return YuNetDetector(network, size=recipe.evaluation_size, minimum_score=_LEAST_SCORE, device=device)


def train_and_ship(
    recipe: DetectorRecipe, *, run: Path, output: Path, fabric: Fabric, command: str
) -> ModelCard | None:
    """Trains, measures, and writes the weights with their card.

    Args:
        recipe: data, sizes, rates.
        run: folder for the checkpoint.
        output: the `.safetensors` to write.
        command: for the card.
        fabric: device and precision.

    Returns:
        The card; None in all processes but the first.
    """
    before, after = train_detector(recipe, run=run, fabric=fabric)
    if not fabric.is_global_zero:
        return None
    network, share = choose_blend(before, after, read_scenes(recipe.validation), recipe)
    round_to_half(network)
    return ship(
        network,
        output,
        task="detector",
        architecture=recipe.architecture,
        classes=("face",),
        input_size=recipe.evaluation_size,
        channel_order="BGR",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        training_data=f"WIDER FACE (published weights), then {_name(recipe.train)}",
        protocol=(
            f"fine-tuned on train for {recipe.epochs} epochs, seed {recipe.seed}; "
            f"{share:.0%} of the fine-tuned and {1 - share:.0%} of the published weights, chosen on val"
        ),
        metrics={
            _name(file): detection_figures(read_scenes(file), _detector(network, recipe))
            for file in (recipe.validation, recipe.test)
            if file is not None
        },
        command=command,
    )


def measure(weights: Path, scene_files: Sequence[Path], *, device: torch.device) -> ModelCard:
    """Measures a detector at the size of its card, and writes the figures there.

    Args:
        weights: the `.safetensors`; its card is changed.
        scene_files: COCO files.
        device: where to compute.

    Returns:
        The new card.
    """
    size = read_card(weights).input_size
    with YuNetDetector.from_weights(
        weights, size=size, minimum_score=_LEAST_SCORE, device=device
    ) as detector:
        metrics = {_name(file): detection_figures(read_scenes(file), detector) for file in scene_files}
    return replace_metrics(weights, metrics)


def choose_blend(
    before: YuNet, after: YuNet, validation: Sequence[Scene], recipe: DetectorRecipe
) -> tuple[YuNet, float]:
    """Mixes the weights before and after fine-tuning, in the share that is best on the validation set.

    What lies between finds masked faces as well as the tuned network and draws boxes that suit more data sets than
    the one it was tuned on (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    Returns:
        The mixed network and the share of `after` in it.
    """
    scores = {}
    for share in BLEND_SHARES:
        scores[share] = average_precision_any_face(validation, _detector(blend(before, after, share), recipe))
        print(f"share {share} val AP50 {scores[share]:.4f}", flush=True)
    best = max(scores, key=scores.__getitem__)
    return blend(before, after, best), best


def blend(before: YuNet, after: YuNet, share: float) -> YuNet:
    """A network whose parameters and buffers lie between two others': 0 gives `before`, 1 gives `after`."""
    mixed = copy.deepcopy(after)
    with torch.no_grad():
        for mine, old in zip(mixed.state_dict().values(), before.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.copy_(old.lerp(mine, share))
    return mixed


def _name(scenes: Path) -> str:
    return f"{scenes.parent.name}/{scenes.stem}"
