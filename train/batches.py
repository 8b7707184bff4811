"""Samples of a classifier: which faces come up in an epoch, and how they become inputs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from maskcam.classifiers.torch import normalise
from maskcam.crops import CropSpec
from maskcam.detectors.base import Detector
from maskcam.types import Image, MaskStatus
from train.augment import camera_crop, study_crop
from train.covers import covered_patches
from train.faces import Picture, pictures
from train.found import found_pictures
from train.initial import normalisation
from train.masks import masked_patches
from train.patches import Patch, make_patches
from train.recipe import ClassifierRecipe
from train.sharing import Share

_MOST_DRAWN = 2000  # faces per data set and status that are drawn on: more take long and add little

Chooser = Callable[[Picture], bool]


class Draw:
    """Draws the samples of an epoch: each class of each data set with its share, or everything once.

    Args:
        recipe: data and shares.
        detector: faces of scenes are cut by the boxes that it finds, too; None: as labelled only.
        landmarks: detector whose landmarks say where things are drawn; only used with shares of such faces.
        only: which pictures take part.
    """

    def __init__(
        self,
        recipe: ClassifierRecipe,
        *,
        detector: Detector | None = None,
        landmarks: Detector | None = None,
        only: Chooser | None = None,
    ) -> None:
        self.groups: list[Sequence[Patch]] = []
        self.shares: list[float] = []
        self._samples = recipe.samples_per_epoch
        random.seed(recipe.seed)
        for data in recipe.data:
            chosen = [picture for picture in pictures(data) if only is None or only(picture)]
            patches = make_patches(chosen)
            if detector is not None:
                patches += make_patches(found_pictures(chosen, detector))
            if self._samples is None:
                self._add(patches, 1.0)
            for status, share in data.share.items():
                self._add([patch for patch in patches if patch.status is status], share)
            for status, share in data.drawn_share.items():
                assert landmarks is not None
                bare = _some(patches, MaskStatus.NO_MASK)
                self._add(list(masked_patches(bare, landmarks, status)), share)
            for status, share in data.covered_share.items():
                assert landmarks is not None
                self._add(list(covered_patches(_some(patches, status), landmarks)), share)

    def _add(self, group: Sequence[Patch], share: float) -> None:
        if group:
            self.groups.append(group)
            self.shares.append(share)

    def __len__(self) -> int:
        """Samples per epoch."""
        return sum(self._counts())

    def _counts(self) -> list[int]:
        if self._samples is None:
            return [len(group) for group in self.groups]
        return [round(self._samples * share / sum(self.shares)) for share in self.shares]

    def epoch(self, seed: str) -> list[Patch]:
        """A shuffled list of patches; every patch of a group comes up before any comes up again."""
        dice = random.Random(seed)  # not the global one: all processes of a run draw the same
        drawn: list[Patch] = []
        for group, count in zip(self.groups, self._counts(), strict=True):
            repeats, rest = divmod(count, len(group))
            drawn += [*group] * repeats + dice.sample(group, rest)
        dice.shuffle(drawn)
        return drawn


def _some(patches: Sequence[Patch], status: MaskStatus) -> list[Patch]:
    """Faces to draw on."""
    fitting = [patch for patch in patches if patch.status is status]
    return random.sample(fitting, min(len(fitting), _MOST_DRAWN))


def batches(
    patches: Sequence[Patch], recipe: ClassifierRecipe, share: Share, *, seed: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields (b, 3, S, S) float32 normalised inputs and (b,) labels, freshly augmented.

    Args:
        patches: of the epoch, in its order.
        recipe: how they are cut and augmented.
        share: which part of each batch is yielded.
        seed: with a sample's place in the epoch it says how the sample is augmented, in whichever process.
    """
    spec = CropSpec(size=recipe.input_size, margin=recipe.crop_margin)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in normalisation(recipe.architecture))
    label = {status: i for i, status in enumerate(recipe.classes)}
    cut: Callable[[Patch, CropSpec], Image] = camera_crop if recipe.augment == "camera" else study_crop
    for places in share.batches(len(patches), batch_size=recipe.batch_size):
        crops = []
        for place in places:
            random.seed(f"{seed}/{place}")
            crops.append(cut(patches[place], spec))
        labels = torch.tensor([label[patches[place].status] for place in places])
        yield normalise(torch.from_numpy(np.stack(crops)), mean, std, reverse=True), labels
