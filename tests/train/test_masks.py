import random

import numpy as np
import pytest

from maskcam.detectors.fixed import FixedDetector
from maskcam.types import Faces, MaskStatus
from tests.shared import portrait
from train.masks import draw_mask, face_axes, mask_outline, masked_patches
from train.patches import Patch

# the astronaut's eyes, nose and corners of the mouth, read off the picture
LANDMARKS = np.array([[207, 117], [244, 115], [226, 141], [211, 157], [243, 156]], np.float32)


def test_axes_are_the_faces_own() -> None:
    axes = face_axes(LANDMARKS)
    assert axes is not None
    assert axes.place(np.array([0.0]), np.array([1.0]))[0] == pytest.approx(LANDMARKS[3:].mean(0), abs=0.01)
    assert axes.place(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(LANDMARKS[1], abs=0.6)
    assert axes.nose == pytest.approx(0.6, abs=0.1)
    assert abs(axes.turn) < 0.2


def test_a_face_from_the_side_is_left_alone() -> None:
    profile = LANDMARKS.copy()
    profile[1, 0] = profile[0, 0] + 5
    assert face_axes(profile) is None
    turned = LANDMARKS.copy()
    turned[2, 0] += 25
    assert face_axes(turned) is None


def test_upper_hem_is_above_the_tip_of_the_nose_or_below_it() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    image, axes = portrait(), face_axes(LANDMARKS)
    assert axes is not None
    nose_x, nose_y = LANDMARKS[2].astype(int)
    random.seed(0)
    for status, covered in ((MaskStatus.MASK, True), (MaskStatus.INCORRECT, False)):
        for _ in range(20):
            masked = draw_mask(image, axes, status)
            assert masked is not None
            # well above the hem's soft shadow, well inside the cloth
            there = slice(nose_y - 4, nose_y + 1), slice(nose_x - 3, nose_x + 4)
            change = np.abs(masked[there].astype(int) - image[there]).mean()
            assert (change > 12) == covered, (status, change)


def test_forehead_and_far_away_stay_as_they_are() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    image, axes = portrait(), face_axes(LANDMARKS)
    assert axes is not None
    before = image.copy()
    random.seed(1)
    for _ in range(10):
        masked = draw_mask(image, axes, MaskStatus.MASK)
        assert masked is not None
        assert (image == before).all()
        assert np.abs(masked[:90].astype(int) - image[:90]).max() <= 2
        assert np.abs(masked[300:].astype(int) - image[300:]).max() <= 2


def test_lower_outline_hangs_below_the_upper_one() -> None:
    axes = face_axes(LANDMARKS)
    assert axes is not None
    outline = mask_outline(axes, top=0.4, bottom=1.7)
    assert outline.shape == (48, 2)
    assert outline[24:, 1].max() > outline[:24, 1].max()


def test_a_mask_that_would_be_out_of_the_picture_is_not_drawn() -> None:
    axes = face_axes(LANDMARKS)
    assert axes is not None
    assert draw_mask(np.zeros((150, 300, 3), np.uint8), axes, MaskStatus.INCORRECT) is None


def test_faces_without_landmarks_are_left_out() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    patch = Patch(portrait()[:384, 34:418].copy(), 0.4, MaskStatus.NO_MASK)
    shifted = LANDMARKS - [34, 0]
    box = np.array([[146, 70, 228, 184]], np.float32)
    seen = Faces(box, np.ones(1, np.float32), shifted[None].astype(np.float32))
    detector = FixedDetector([seen, Faces.none(), Faces(box, np.ones(1, np.float32))])
    random.seed(0)
    drawn = list(masked_patches([patch] * 3, detector, MaskStatus.INCORRECT))
    assert len(drawn) == 1
    assert drawn[0].status is MaskStatus.INCORRECT
    assert drawn[0].box_side == patch.box_side
