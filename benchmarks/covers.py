"""What hands, beards, scarves, cups and microphones before a face do to a classifier's judgement.

    python -m benchmarks.covers weights/mobilenet_v2.safetensors [MORE.safetensors ...] [--json FILE]

They are drawn on the labelled faces of scenes/val, which no classifier was fitted on, by the generator that training
uses (`train.covers`): real hands are more varied, so these figures flatter.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import cv2
import numpy as np
import torch

from maskcam.classifiers.torch import TorchClassifier
from maskcam.crops import CropSpec, cut_square
from maskcam.pixels import ArrayPixels
from maskcam.types import Image, MaskStatus
from train.covers import KINDS, draw_cover
from train.faces import FaceSet, pictures
from train.fit import landmark_detector
from train.masks import patch_axes
from train.patches import Patch, make_patches
from train.recipe import ClassifierRecipe, read_recipe

RECIPE = Path("train/recipes/mobilenet_v2.toml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    recipe = read_recipe(RECIPE, ClassifierRecipe)
    spec = CropSpec(size=recipe.input_size, margin=recipe.crop_margin)
    faces = covered_faces(args.data / "scenes" / "val.json", recipe, spec)
    figures = {str(weights): rights(weights, faces) for weights in args.weights}
    for name, rows in figures.items():
        print(name)
        for what, share in rows.items():
            print(f"  {what:40} {share:.3f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def covered_faces(
    scenes: Path, recipe: ClassifierRecipe, spec: CropSpec
) -> dict[tuple[MaskStatus, str], Image]:
    """(n, S, S, 3) uint8 BGR crops per status and kind of cover; those uncovered are called `nothing`."""
    landmarks = landmark_detector(recipe)
    assert landmarks is not None
    patches = make_patches(pictures(FaceSet(scenes=scenes, minimum_side=16)))
    found = [(patch, axes) for patch in patches if (axes := patch_axes(patch, landmarks)) is not None]
    random.seed(0)
    crops: dict[tuple[MaskStatus, str], Image] = {}
    for status, kinds in KINDS.items():
        mine = [(patch, axes) for patch, axes in found if patch.status is status]
        crops[status, "nothing"] = np.stack([crop(patch.image, patch, spec) for patch, _ in mine])
        for kind in dict.fromkeys(kinds):
            drawn = [crop(draw_cover(patch.image, axes, kind), patch, spec) for patch, axes in mine]
            crops[status, kind.__name__] = np.stack(drawn)
    return crops


def crop(image: Image, patch: Patch, spec: CropSpec) -> Image:
    """The middle of a patch, as the runtime cuts it."""
    size = image.shape[0]
    half = size * patch.box_side * (0.5 + spec.margin)
    square = np.array([size / 2 - half, size / 2 - half, size / 2 + half, size / 2 + half], np.float32)
    out = np.empty((spec.size, spec.size, 3), np.uint8)
    cut_square(ArrayPixels(np.ascontiguousarray(image)), square, out=out)
    return out


def rights(weights: Path, faces: dict[tuple[MaskStatus, str], Image]) -> dict[str, float]:
    """Part of the faces whose status is told right, by status and cover."""
    with TorchClassifier.from_weights(weights, device=torch.device("cpu")) as classifier:
        return {
            f"{status.value}, {kind} before it ({len(crops)})": float(
                np.mean([verdict.likeliest is status for verdict in classifier.classify(crops)])
            )
            for (status, kind), crops in faces.items()
        }


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
