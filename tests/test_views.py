from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.types import Image, MaskStatus, Verdict
from maskcam.views import frontality, sharpness, view_quality
from tests.factories import make_frame, make_track
from tests.shared import portrait

FACE = portrait()[70:184, 180:262]
LOOKING = np.array([[120, 100], [180, 100], [150, 130], [130, 160], [170, 160]], np.float32)


def picture(face: Image, *, x: int = 100, y: int = 80) -> Image:
    """A grey picture with a face in it, (480, 640, 3)."""
    image = np.full((480, 640, 3), 128, np.uint8)
    image[y : y + face.shape[0], x : x + face.shape[1]] = face
    return image


def scaled(by: float) -> Image:
    return cv2.resize(FACE, None, fx=by, fy=by, interpolation=cv2.INTER_AREA).astype(np.uint8)


def blurred(sigma: float) -> Image:
    return cv2.GaussianBlur(FACE, (0, 0), sigma).astype(np.uint8)


def turned(pixels: float) -> NDArray[np.float32]:
    """The nose so far to the side, with 30 pixels from each eye to the middle."""
    landmarks = LOOKING.copy()
    landmarks[2, 0] += pixels
    return landmarks


def quality(face: Image = FACE, *, x: int = 100, **changes: object) -> float:
    height, width = face.shape[:2]
    track = make_track((x, 80, x + width, 80 + height))
    return view_quality(replace(track, **changes), make_frame(image=picture(face, x=x)))  # type: ignore[arg-type]


def test_sharp_is_better() -> None:
    values = [sharpness(blurred(sigma)) for sigma in (0.1, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5 * values[-1]
    assert quality() > 1.5 * quality(blurred(3.0))


def test_sharpness_says_little_of_size_and_contrast() -> None:
    usual = sharpness(FACE)
    for by in (0.8, 2.0, 4.0, 8.0):
        assert sharpness(scaled(by)) == pytest.approx(usual, rel=0.35), by  # as much as other pixels make
    for by in (0.25, 0.4):
        assert sharpness(scaled(by)) > 0.9 * usual, "a small face has but fewer pixels"
    assert sharpness(FACE // 3) == pytest.approx(usual, rel=0.1)


def test_nothing_is_not_sharp() -> None:
    assert sharpness(np.zeros((0, 10, 3), np.uint8)) == 0
    assert sharpness(np.full((30, 30, 3), 90, np.uint8)) == 0
    assert sharpness(FACE[:1, :1]) == 0


def test_large_is_better_up_to_a_point() -> None:
    small, usual, large, huge = (quality(scaled(by)) for by in (0.25, 1.0, 2.0, 3.0))
    assert small < usual < large
    assert huge < 1.25 * large


def test_frontal_is_better() -> None:
    assert frontality(LOOKING) == 1
    assert frontality(turned(15)) == frontality(turned(-15)) == pytest.approx(0.5)
    assert frontality(turned(40)) == 0, "in profile"
    assert frontality(np.zeros((5, 2), np.float32)) == 0
    assert quality(landmarks=LOOKING) > 1.5 * quality(landmarks=turned(25))


def test_a_head_on_one_side_looks_into_the_camera_all_the_same() -> None:
    turn = cv2.getRotationMatrix2D((150, 130), 30, 1.0)
    assert frontality((LOOKING @ turn[:, :2].T + turn[:, 2]).astype(np.float32)) == pytest.approx(1, abs=1e-3)


def test_cut_by_the_edge_is_worse() -> None:
    cut = replace(make_track(), box_xyxy=np.array([-30, 80, 52, 194], np.float32))
    beside = FACE[:, 30:]
    assert view_quality(cut, make_frame(image=picture(beside, x=0))) < 0.4 * quality()


def test_out_of_the_picture_is_worth_nothing() -> None:
    away = replace(make_track(), box_xyxy=np.array([-90, 80, -5, 194], np.float32))
    assert view_quality(away, make_frame(image=picture(FACE))) == 0


def test_what_looks_masked_in_this_frame_is_worse() -> None:
    unsure = {MaskStatus.MASK: 0.7, MaskStatus.NO_MASK: 0.2, MaskStatus.INCORRECT: 0.1}
    verdict = Verdict(unsure, MaskStatus.MASK, 0.7)
    assert quality(verdict=verdict) == pytest.approx(0.3 * quality())
