import random

import cv2
import numpy as np
import pytest

from maskcam.crops import CropSpec, cut_crops
from maskcam.types import MaskStatus
from tests.shared import portrait
from train.augment import camera_crop
from train.patches import PATCH_MARGIN, Patch

SPEC = CropSpec(size=64, margin=0.2)
FACE = np.array([[180, 70, 262, 184]], np.float32)


def face_patch() -> Patch:
    (image,) = cut_crops(portrait(), FACE, CropSpec(size=192, margin=PATCH_MARGIN))
    return Patch(image=image, box_side=1 / (1 + 2 * PATCH_MARGIN), status=MaskStatus.NO_MASK)


def test_crops_vary_and_keep_their_shape_and_the_patch() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    patch = face_patch()
    before = patch.image.copy()
    random.seed(0)
    crops = [camera_crop(patch, SPEC) for _ in range(50)]
    assert all(crop.shape == (64, 64, 3) and crop.dtype == np.uint8 for crop in crops)
    assert len({crop.tobytes() for crop in crops}) == 50
    assert (patch.image == before).all()


def test_the_average_crop_is_what_the_runtime_cuts() -> None:
    """Shifts, turns and scales are around the runtime's crop, not off it."""
    pytest.importorskip("skimage", reason="needs the samples extra")
    random.seed(0)
    patch = face_patch()
    mean = np.mean([camera_crop(patch, SPEC) for _ in range(600)], axis=0)
    (runtime,) = cut_crops(portrait(), FACE, SPEC)
    both_sides = (runtime.astype(float) + runtime[:, ::-1]) / 2  # half of the samples are mirrored
    blurred = cv2.GaussianBlur(both_sides, (0, 0), 6)
    correlation = np.corrcoef(mean.ravel(), blurred.ravel())[0, 1]
    off = np.corrcoef(np.roll(mean, 12, axis=0).ravel(), blurred.ravel())[0, 1]
    assert correlation > 0.9
    assert correlation > off + 0.1


def test_a_seed_repeats_it() -> None:
    patch = Patch(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8), 1.0, MaskStatus.MASK)
    runs = []
    for _ in range(2):
        random.seed(7)
        runs.append([camera_crop(patch, SPEC).tobytes() for _ in range(20)])
    assert runs[0] == runs[1]
