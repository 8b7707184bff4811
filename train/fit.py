"""Trains a mask classifier by a recipe, and ships it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from maskcam.crops import CropSpec
from maskcam.detectors.yunet import YuNetDetector
from maskcam.errors import ConfigError
from maskcam.networks import build_network
from maskcam.networks.yunet import YuNet
from maskcam.types import MaskStatus
from maskcam.weights import ModelCard, load_weights
from train.batches import Chooser, Draw, batches
from train.calibrate import calibrate
from train.faces import Picture, pictures
from train.found import face_detector
from train.initial import head_parameters, load_initial, normalisation
from train.judging import found_crops
from train.labelled import LabelledCrops, joined, labelled_crops
from train.loop import Sums, Task, run_training
from train.recipe import ClassifierRecipe
from train.scores import accuracy, crop_logits, figures
from train.sharing import Share
from train.ship import round_to_half, ship

UNSURE_BELOW = 0.5
"""A single verdict whose likeliest class has less than half of the probability says nothing."""


class ClassifierTask(Task[nn.Module, tuple[Tensor, Tensor]]):
    """Faces to statuses by cross entropy; with two classes that is the study's binary cross entropy.

    Args:
        recipe: data, shares, augmentation.
        validation: what is chosen on.
        fit_on: which pictures of the recipe's data take part.
    """

    def __init__(
        self, recipe: ClassifierRecipe, validation: LabelledCrops, *, fit_on: Chooser | None = None
    ) -> None:
        self._recipe = recipe
        self._validation = validation
        self._labels = torch.tensor([_label(status, recipe) for status in validation.statuses])
        detector = face_detector(recipe.detector, device="cpu") if recipe.detector is not None else None
        self._draw = Draw(recipe, detector=detector, landmarks=landmark_detector(recipe), only=fit_on)

    def steps(self) -> int:
        return len(self._draw) // self._recipe.batch_size

    def batches(self, epoch: int, share: Share) -> Iterator[tuple[Tensor, Tensor]]:
        seed = f"{self._recipe.seed}/{epoch}"
        yield from batches(self._draw.epoch(seed), self._recipe, share, seed=seed)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Sums:
        images, labels = (tensor.to(_device(network)) for tensor in batch)
        logits = network(images)
        smoothing = self._recipe.label_smoothing
        figures = {
            "loss": F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum"),
            "accuracy": (logits.argmax(1) == labels).sum(),
        }
        return Sums(figures, count=len(labels))

    def validate(self, network: nn.Module) -> dict[str, float]:
        logits = logits_of(network, self._validation, self._recipe)
        predicted = logits.argmax(1)
        return {
            "loss": F.cross_entropy(logits, self._labels).item(),
            "accuracy": (predicted == self._labels).float().mean().item(),
            **accuracy(predicted.numpy(), self._validation, self._recipe.classes),
        }

    def head(self, network: nn.Module) -> list[nn.Parameter]:
        return head_parameters(network, self._recipe.architecture)


def fit(recipe: ClassifierRecipe, *, run: Path, fabric: Fabric, fold: int | None = None) -> nn.Module:
    """Runs a recipe, or goes on with it where an earlier call left off.

    Args:
        recipe: network, data, rates.
        run: folder for checkpoint and history.
        fabric: device and precision.
        fold: of the recipe's folds, to validate on; the recipe's validation set is then left alone.

    Returns:
        The trained network, on the CPU.

    Raises:
        MaskcamError: the loss is not finite.
    """
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.architecture, classes=len(recipe.classes), input_size=recipe.input_size)
    load_initial(network, recipe.architecture, recipe.init)
    if fold is None:
        task = ClassifierTask(recipe, joined(crops_of(pictures(recipe.validation), recipe)))
    else:
        held_out = in_fold(recipe, fold)
        kept = [picture for data in recipe.data for picture in pictures(data) if held_out(picture)]
        task = ClassifierTask(recipe, joined(crops_of(kept, recipe)), fit_on=lambda p: not held_out(p))
    return run_training(task, network, recipe, run=run, fabric=fabric)


def cross_validate(recipe: ClassifierRecipe, *, run: Path, fabric: Fabric) -> dict[str, float]:
    """Trains once per fold and writes the figures of each to `folds.json`.

    Returns:
        Mean and standard deviation over the folds of each validation figure; nothing in all processes but the first.
    """
    assert recipe.folds is not None
    results = []
    for fold in range(recipe.folds):
        folder = run / f"fold-{fold + 1}"
        fit(recipe, run=folder, fabric=fabric, fold=fold)
        if not fabric.is_global_zero:
            continue
        rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        row = min(rows, key=lambda row: row["validation_loss"]) if recipe.patience else rows[-1]
        results.append({name: value for name, value in row.items() if name.startswith("validation_")})
    if not fabric.is_global_zero:
        return {}
    (run / "folds.json").write_text(json.dumps({"folds": results}, indent=2) + "\n")
    table = {name: np.array([result[name] for result in results]) for name in results[0]}
    return {
        f"{name}_{what}": float(value)
        for name, values in table.items()
        for what, value in (("mean", values.mean()), ("std", values.std(ddof=1)))
    }


def in_fold(recipe: ClassifierRecipe, fold: int) -> Chooser:
    """Whether a picture belongs to a fold: groups stay together, and a seed gives other folds."""

    def chosen(picture: Picture) -> bool:
        digest = hashlib.sha256(f"{recipe.seed}/{picture.group}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % (recipe.folds or 1) == fold

    return chosen


def train_and_ship(
    recipe: ClassifierRecipe, *, run: Path, output: Path, fabric: Fabric, command: str
) -> ModelCard | None:
    """Trains, calibrates on the validation set, measures, and writes the weights with their card.

    Args:
        recipe: network, data, rates.
        run: folder for the checkpoint.
        output: the `.safetensors` to write.
        command: for the card.
        fabric: device and precision.

    Returns:
        The card; None in all processes but the first.
    """
    protocol = f"fitted on train, chosen and calibrated on validation, up to {recipe.epochs} epochs, seed {recipe.seed}"
    scores = cross_validate(recipe, run=run, fabric=fabric) if recipe.folds is not None else {}
    if scores:
        found = "{validation_accuracy_mean:.4f} +- {validation_accuracy_std:.4f}".format(**scores)
        protocol += f"; {recipe.folds}-fold cross-validation on train: accuracy {found}"
    network = fit(recipe, run=run, fabric=fabric)
    if not fabric.is_global_zero:
        return None
    return calibrate_and_ship(network, recipe, output=output, protocol=protocol, command=command)


def average_and_ship(
    weights: Sequence[Path], recipe: ClassifierRecipe, *, output: Path, command: str
) -> ModelCard:
    """Ships the mean of several trained weights, which generalises better than each where all started from the same.

    M. Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
    increasing inference time", ICML 2022.

    Args:
        weights: two or more `.safetensors` with their cards, of the recipe's architecture and classes.
        recipe: says what to calibrate and to measure on.
        output: the `.safetensors` to write.
        command: for the card.

    Raises:
        ConfigError: fewer than two weights, or of other classes than the recipe's.
        WeightsError: weights are missing, damaged or of another architecture.
    """
    if len(weights) < 2:
        raise ConfigError(f"an average needs at least two weights files, got {len(weights)}")
    loaded = [load_weights(file, architectures=(recipe.architecture,)) for file in weights]
    classes = tuple(status.value for status in recipe.classes)
    for card, _ in loaded:
        if card.classes != classes:
            raise ConfigError(f"{card.name} has the classes {card.classes}, the recipe {classes}")
    states = [network.state_dict() for _, network in loaded]
    network = loaded[0][1]
    network.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    protocol = "mean of the weights of " + " and of ".join(f"({card.protocol})" for card, _ in loaded)
    return calibrate_and_ship(network, recipe, output=output, protocol=protocol, command=command)


def calibrate_and_ship(
    network: nn.Module, recipe: ClassifierRecipe, *, output: Path, protocol: str, command: str
) -> ModelCard:
    """Rounds, calibrates on the recipe's validation set, measures on its test sets, and writes the weights."""
    round_to_half(network)
    mean, std = normalisation(recipe.architecture)
    validation = joined(crops_of(pictures(recipe.validation), recipe))
    calibration = calibrate(logits_of(network, validation, recipe), validation, recipe.classes)
    tests: dict[str, LabelledCrops] = {}
    for name, faces in {f"{recipe.validation.name}, validation": recipe.validation, **recipe.tests}.items():
        names = (name, f"{faces.name}, found faces")
        # found faces come with a detector only
        tests |= zip(names, crops_of(pictures(faces), recipe), strict=False)
    return ship(
        network,
        output,
        task="classifier",
        architecture=recipe.architecture,
        classes=tuple(status.value for status in recipe.classes),
        input_size=recipe.input_size,
        channel_order="RGB",
        mean=mean,
        std=std,
        crop_margin=recipe.crop_margin,
        temperature=calibration.temperature,
        class_bias=calibration.class_bias,
        unsure_below=UNSURE_BELOW,
        training_data=", ".join(data.name for data in recipe.data),
        protocol=protocol,
        metrics={
            name: figures(calibration.apply(logits_of(network, crops, recipe)), crops, recipe.classes)
            for name, crops in tests.items()
        },
        command=command,
    )


def crops_of(chosen: Sequence[Picture], recipe: ClassifierRecipe) -> list[LabelledCrops]:
    """Crops by the labelled boxes and, of scenes where the recipe has a detector, by those that it finds."""
    crops = [labelled_crops(chosen, crop_spec(recipe))]
    if recipe.detector is not None and any(picture.boxes_xyxy is not None for picture in chosen):
        with face_detector(recipe.detector, device="cpu") as detector:
            found = found_crops(chosen, detector, crop_spec(recipe))
        crops += [found] if len(found) else []
    return crops


def logits_of(network: nn.Module, crops: LabelledCrops, recipe: ClassifierRecipe) -> Tensor:
    """(n, classes) float32 logits on the CPU."""
    mean, std = normalisation(recipe.architecture)
    return crop_logits(network, crops.images, mean=mean, std=std)


def landmark_detector(recipe: ClassifierRecipe) -> YuNetDetector | None:
    """The detector whose landmarks say where things are drawn on faces; None where none are."""
    if recipe.landmark_weights is None:
        return None
    network = YuNet()
    network.load_state_dict(load_file(recipe.landmark_weights))
    return YuNetDetector(network, size=256, minimum_score=0.6, device=torch.device("cpu"))


def crop_spec(recipe: ClassifierRecipe) -> CropSpec:
    """How the recipe's crops are cut."""
    return CropSpec(size=recipe.input_size, margin=recipe.crop_margin)


def _label(status: MaskStatus, recipe: ClassifierRecipe) -> int:
    if status not in recipe.classes:
        raise ConfigError(
            f"validation holds faces labelled {status.value}, but the recipe's classes are "
            f"{', '.join(known.value for known in recipe.classes)}: validate on data with these classes only"
        )
    return recipe.classes.index(status)


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
