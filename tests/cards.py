"""Weights that tests make for themselves."""

from pathlib import Path

import torch

from maskcam.networks import build_network
from train.ship import ship


def ship_random_classifier(
    path: Path,
    *,
    classes: tuple[str, ...] = ("mask", "no_mask", "incorrect"),
    seed: int = 0,
    **changes: object,
) -> Path:
    """Writes a network with random weights, by default a MobileNetV2, as `train` would, and returns its path."""
    torch.manual_seed(seed)
    card = {
        "task": "classifier",
        "architecture": "mobilenet_v2",
        "classes": classes,
        "input_size": 64,
        "channel_order": "RGB",
        "mean": (123.675, 116.28, 103.53),
        "std": (58.395, 57.12, 57.375),
        "crop_margin": 0.2,
        "training_data": "none",
        "protocol": "random weights",
        "metrics": {},
        "command": "tests",
    } | changes
    ship(build_network(str(card["architecture"]), classes=len(classes), input_size=64), path, **card)
    return path
