"""Trains a mask classifier: one visible loop."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from maskcam.classifiers.torch import normalise
from maskcam.crops import CropSpec
from maskcam.detectors.yunet import YuNetDetector
from maskcam.errors import ConfigError, MaskcamError
from maskcam.networks import build_network
from maskcam.networks.yunet import YuNet
from maskcam.types import MaskStatus
from maskcam.weights import ModelCard
from train.augment import camera_crop
from train.average import WeightAverage
from train.calibrate import calibrate
from train.checkpoints import load_checkpoint, save_checkpoint
from train.evaluate import LabelledCrops, accuracy, crop_logits, figures, folder_crops, scene_crops
from train.masks import masked_patches
from train.patches import Patch, folder_patches, scene_patches
from train.recipe import ClassifierRecipe, read_recipe
from train.scenes import read_scenes
from train.ship import round_to_half, ship

# ImageNet's, in 0..255 and RGB order, as the initial weights were trained with
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

UNSURE_BELOW = 0.5
"""A single verdict whose likeliest class has less than half of the probability says nothing."""

_MOST_DRAWN = 2000  # faces per data set and status that get a drawn mask: more take long and add little


class Draw:
    """Draws the samples of an epoch: each class of each data set with its share, whatever their sizes.

    Args:
        recipe: data and shares.
    """

    def __init__(self, recipe: ClassifierRecipe) -> None:
        self.groups: list[list[Patch]] = []
        self.shares: list[float] = []
        for data in recipe.data:
            if data.scenes is not None:
                patches = scene_patches(read_scenes(data.scenes), minimum_side=data.minimum_side)
            else:
                assert data.folder is not None
                patches = folder_patches(data.folder, data.classes)
            for status, share in data.share.items():
                self._add([patch for patch in patches if patch.status is status], share)
            bare = [patch for patch in patches if patch.status is MaskStatus.NO_MASK]
            for status, share in data.drawn_share.items():
                chosen = random.sample(bare, min(len(bare), _MOST_DRAWN))
                self._add(list(masked_patches(chosen, landmark_detector(recipe), status)), share)

    def _add(self, group: list[Patch], share: float) -> None:
        self.groups.append(group)
        self.shares.append(share)

    def epoch(self, samples: int) -> list[Patch]:
        """A shuffled list of about `samples` patches; every patch of a group comes up before any comes up again."""
        drawn: list[Patch] = []
        for group, share in zip(self.groups, self.shares, strict=True):
            count = round(samples * share / sum(self.shares))
            repeats, rest = divmod(count, len(group))
            drawn += group * repeats + random.sample(group, rest)
        random.shuffle(drawn)
        return drawn


def fit(recipe: ClassifierRecipe, *, run: Path) -> nn.Module:
    """Runs a recipe, or goes on with it where an earlier call left off.

    Args:
        recipe: network, data, rates.
        run: folder for the checkpoint.

    Returns:
        The network with the averaged weights.

    Raises:
        MaskcamError: the loss is not finite.
    """
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.architecture, classes=len(recipe.classes))
    if recipe.initial_weights is not None:
        load_body(network, recipe.initial_weights)
    network.to(memory_format=torch.channels_last).train()
    draw = Draw(recipe)
    validation = scene_crops(read_scenes(recipe.validation), crop_spec(recipe), minimum_side=16)
    optimizer = torch.optim.AdamW(
        parameter_groups(network, weight_decay=recipe.weight_decay), lr=recipe.learning_rate
    )
    steps = len(draw.epoch(recipe.samples_per_epoch)) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps, pct_start=0.15
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    average = WeightAverage(network, decay=recipe.average_decay)
    parts: dict[str, Any] = {
        "network": network,
        "optimizer": optimizer,
        "schedule": schedule,
        "average": average,
    }
    done = load_checkpoint(run / "checkpoint.pt", recipe, **parts)
    for epoch in range(done, recipe.epochs):
        start, total = time.monotonic(), 0.0
        patches = draw.epoch(recipe.samples_per_epoch)[: steps * recipe.batch_size]
        for step, (images, labels) in enumerate(batches(patches, recipe)):
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                logits = network(images)
            loss = criterion(logits.float(), labels)
            if not math.isfinite(loss.item()):
                raise MaskcamError(
                    f"loss became {loss.item()} in epoch {epoch + 1}, step {step + 1}: lower learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update(network)
            total += loss.item()
        save_checkpoint(run / "checkpoint.pt", recipe, epoch=epoch + 1, **parts)
        print(
            f"epoch {epoch + 1}/{recipe.epochs} loss {total / steps:.4f} "
            f"{report(average.network, validation, recipe)} {time.monotonic() - start:.0f} s",
            flush=True,
        )
    return average.network


def train_and_ship(recipe_path: Path, *, run: Path, output: Path) -> ModelCard:
    """Trains, calibrates on the validation set, measures, and writes the weights with their card.

    Args:
        recipe_path: TOML file of a `ClassifierRecipe`.
        run: folder for the checkpoint.
        output: the `.safetensors` to write.

    Returns:
        The card.
    """
    recipe = read_recipe(recipe_path, ClassifierRecipe)
    network = fit(recipe, run=run)
    round_to_half(network)
    spec = crop_spec(recipe)
    validation = scene_crops(read_scenes(recipe.validation), spec, minimum_side=16)
    calibration = calibrate(_logits(network, validation), validation, recipe.classes)
    tests = {"scenes/val, labelled boxes": validation}
    if recipe.test_scenes is not None:
        tests["scenes/test, labelled boxes"] = scene_crops(
            read_scenes(recipe.test_scenes), spec, minimum_side=16
        )
    if recipe.test_folder is not None:
        classes = next(data.classes for data in recipe.data if data.folder is not None)
        tests["faces/Test, whole pictures"] = folder_crops(recipe.test_folder, classes, spec)
    return ship(
        network,
        output,
        task="classifier",
        architecture=recipe.architecture,
        classes=tuple(status.value for status in recipe.classes),
        input_size=recipe.input_size,
        channel_order="RGB",
        mean=MEAN,
        std=STD,
        crop_margin=recipe.crop_margin,
        temperature=calibration.temperature,
        class_bias=calibration.class_bias,
        unsure_below=UNSURE_BELOW,
        training_data=", ".join(str(data.scenes or data.folder) for data in recipe.data).replace(
            "../shared/", ""
        ),
        protocol=(
            f"fitted on train, calibrated on val, {recipe.epochs} epochs, seed {recipe.seed}; "
            "measured on faces of 16 px and more"
        ),
        metrics={
            name: figures(calibration.apply(_logits(network, crops)), crops, recipe.classes)
            for name, crops in tests.items()
        },
        command=f"python -m train fit {recipe_path}",
    )


def _logits(network: nn.Module, crops: LabelledCrops) -> Tensor:
    return crop_logits(network, crops.images, mean=MEAN, std=STD)


def report(network: nn.Module, crops: LabelledCrops, recipe: ClassifierRecipe) -> str:
    """Accuracies on labelled crops, in one line."""
    predicted = _logits(network, crops).argmax(1).numpy()
    return " ".join(
        f"{name} {value:.4f}" for name, value in accuracy(predicted, crops, recipe.classes).items()
    )


def batches(patches: list[Patch], recipe: ClassifierRecipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields (b, 3, S, S) float32 normalised inputs and (b,) labels, freshly augmented."""
    spec = crop_spec(recipe)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    label = {status: i for i, status in enumerate(recipe.classes)}
    for start in range(0, len(patches), recipe.batch_size):
        chosen = patches[start : start + recipe.batch_size]
        crops = np.stack([camera_crop(patch, spec) for patch in chosen])
        labels = torch.tensor([label[patch.status] for patch in chosen])
        yield normalise(torch.from_numpy(crops), mean, std, reverse=True), labels


def landmark_detector(recipe: ClassifierRecipe) -> YuNetDetector:
    """The detector whose landmarks say where masks are drawn.

    Raises:
        ConfigError: the recipe names no weights for it.
    """
    if recipe.landmark_weights is None:
        raise ConfigError("the recipe draws masks (drawn_share) and needs landmark_weights")
    network = YuNet()
    network.load_state_dict(load_file(recipe.landmark_weights))
    return YuNetDetector(network, size=256, minimum_score=0.6, device=torch.device("cpu"))


def crop_spec(recipe: ClassifierRecipe) -> CropSpec:
    """How the recipe's crops are cut."""
    return CropSpec(size=recipe.input_size, margin=recipe.crop_margin)


def load_body(network: nn.Module, weights: Path) -> None:
    """Loads all tensors of a file into a network; only its head may be missing there.

    Raises:
        MaskcamError: the file holds tensors that the network has not, or lacks more than the head.
    """
    missing, unexpected = network.load_state_dict(load_file(weights), strict=False)
    if unexpected or any(not name.startswith(("classifier.", "fc.")) for name in missing):
        raise MaskcamError(
            f"{weights} does not fit {type(network).__name__}: {len(unexpected)} unknown and "
            f"{len(missing)} missing tensors"
        )


def parameter_groups(network: nn.Module, *, weight_decay: float) -> list[dict[str, object]]:
    """Decays matrices and kernels only: shrinking biases and batch-norm gains does harm."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
