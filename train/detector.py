"""Fine-tunes the YuNet face detector on scenes, so that masked faces are found."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from maskcam.detectors.yunet import YuNetDetector
from maskcam.errors import MaskcamError
from maskcam.networks.yunet import YuNet, decode_boxes, decode_landmarks, grid_cells
from maskcam.weights import ModelCard
from train.assignment import assign, eiou_loss, pairwise_iou, side_loss
from train.average import WeightAverage
from train.checkpoints import load_checkpoint, save_checkpoint
from train.metrics import average_precision_any_face
from train.recipe import DetectorRecipe, read_recipe
from train.scenes import Scene, read_scenes
from train.ship import round_to_half, ship
from train.windows import Sample, SceneCrops, pretrained_landmarks

_BOX_WEIGHT, _LANDMARK_WEIGHT = 5.0, 0.1  # as published; the two scores have weight 1
_SIDE_WEIGHT = 4.0  # against EIoU: enough to settle between two styles of boxes, see side_loss
BLEND_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


def detector_loss(network: YuNet, images: Tensor, samples: Sequence[Sample], *, bfloat16: bool) -> Tensor:
    """Loss of one batch, summed over its parts and divided by the number of cells that learn a face.

    Args:
        network: in training mode.
        images: (b, 3, S, S) float32 BGR 0..255.
        samples: their labels.
        bfloat16: run the network (not the loss) in mixed precision.
    """
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        predictions = network(images)
    face, objectness, raw_boxes, raw_landmarks = (output.float() for output in predictions)
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
    return torch.stack(parts).sum() / max(1, count)


def train_detector(recipe: DetectorRecipe, *, run: Path) -> YuNet:
    """Runs a recipe, or goes on with it where an earlier call left off.

    Args:
        recipe: data, sizes, rates.
        run: folder for the checkpoint and the log.

    Returns:
        The network with the averaged weights.

    Raises:
        MaskcamError: the loss is not finite.
    """
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    network = _published(recipe)
    scenes = read_scenes(recipe.train)
    checkpoint = run / "checkpoint.pt"
    teacher = _detector(network, recipe)
    dataset = SceneCrops(scenes, pretrained_landmarks(scenes, teacher), recipe)
    validation = read_scenes(recipe.validation)
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = len(dataset) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps, pct_start=0.1
    )
    average = WeightAverage(network, decay=recipe.average_decay)
    done = load_checkpoint(
        checkpoint, recipe, network=network, optimizer=optimizer, schedule=schedule, average=average
    )
    for epoch in range(done, recipe.epochs):
        total = 0.0
        for step, (images, samples) in enumerate(_batches(dataset, recipe, seed=recipe.seed + epoch)):
            loss = detector_loss(network, images, samples, bfloat16=recipe.bfloat16)
            if not math.isfinite(loss.item()):
                raise MaskcamError(
                    f"loss became {loss.item()} in epoch {epoch + 1}, step {step + 1}: lower learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
            optimizer.step()
            schedule.step()
            average.update(network)
            total += loss.item()
            if step % 10 == 0:
                print(
                    f"epoch {epoch + 1}/{recipe.epochs} step {step}/{steps} loss {total / (step + 1):.3f}",
                    flush=True,
                )
        save_checkpoint(
            checkpoint,
            recipe,
            epoch=epoch + 1,
            network=network,
            optimizer=optimizer,
            schedule=schedule,
            average=average,
        )
        if (epoch + 1) % recipe.evaluate_every == 0 or epoch + 1 == recipe.epochs:
            score = average_precision_any_face(validation, _detector(average.network, recipe))
            print(f"epoch {epoch + 1}/{recipe.epochs} val AP50 {score:.4f}", flush=True)
    return average.network


def _detector(network: YuNet, recipe: DetectorRecipe) -> YuNetDetector:
    return YuNetDetector(network, size=recipe.evaluation_size, minimum_score=0.05, device=torch.device("cpu"))


def _batches(
    dataset: SceneCrops, recipe: DetectorRecipe, *, seed: int
) -> Iterator[tuple[Tensor, list[Sample]]]:
    loader = DataLoader(
        dataset,
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=recipe.workers,
        # forking after OpenCV has started its threads hangs the child
        multiprocessing_context="spawn" if recipe.workers else None,
        collate_fn=list,
        worker_init_fn=_seed_worker,
        generator=torch.Generator().manual_seed(seed),
    )
    for samples in loader:
        stacked = torch.from_numpy(np.stack([sample.image for sample in samples]))
        yield stacked.permute(0, 3, 1, 2).float(), samples


def _seed_worker(_: int) -> None:
    cv2.setNumThreads(1)
    random.seed(torch.initial_seed())


def train_and_ship(recipe_path: Path, *, run: Path, output: Path) -> ModelCard:
    """Trains, measures, and writes the weights with their card.

    Args:
        recipe_path: TOML file of a `DetectorRecipe`.
        run: folder for the checkpoint.
        output: the `.safetensors` to write.

    Returns:
        The card.
    """
    recipe = read_recipe(recipe_path, DetectorRecipe)
    before = _published(recipe)
    scenes = read_scenes(recipe.validation)
    network, share = choose_blend(before, train_detector(recipe, run=run), scenes, recipe)
    round_to_half(network)
    detector, published = _detector(network, recipe), _detector(before, recipe)
    metrics = {}
    for file in (recipe.validation, recipe.validation.with_name("test.json")):
        scenes = read_scenes(file)
        metrics[f"scenes/{file.stem}"] = {
            "faces": sum(len(scene.boxes_xyxy) for scene in scenes),
            "AP50": average_precision_any_face(scenes, detector),
            "AP50_before_tuning": average_precision_any_face(scenes, published),
        }
    return ship(
        network,
        output,
        task="detector",
        architecture="yunet_n",
        classes=("face",),
        input_size=recipe.evaluation_size,
        channel_order="BGR",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        training_data=f"WIDER FACE (published weights), then {recipe.train}".replace("../shared/data/", ""),
        protocol=(
            f"fine-tuned on train for {recipe.epochs} epochs, seed {recipe.seed}; "
            f"{share:.0%} of the fine-tuned and {1 - share:.0%} of the published weights, chosen on val"
        ),
        metrics=metrics,
        command=f"python -m train detector {recipe_path}",
    )


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


def _published(recipe: DetectorRecipe) -> YuNet:
    network = YuNet()
    network.load_state_dict(load_file(recipe.initial_weights))
    return network
