import random
from collections.abc import Callable

import numpy as np
import pytest

from maskcam.detectors.fixed import FixedDetector
from maskcam.types import Faces, MaskStatus
from tests.shared import portrait
from train.covers import KINDS, covered_patches, draw_cover
from train.masks import FaceAxes, face_axes
from train.patches import Patch
from train.shapes import Canvas, Cover, beard, cup, hand, microphone, scarf

# the astronaut's eyes, nose and corners of the mouth, read off the picture
LANDMARKS = np.array([[207, 117], [244, 115], [226, 141], [211, 157], [243, 156]], np.float32)

# near the middle of each, in the coordinates of `train.shapes`, and whether it must be covered or must be free
PLACES: dict[Callable[[Canvas], Cover], list[tuple[float, float, bool]]] = {
    hand: [(0.0, 0.0, False)],
    beard: [(0.0, 1.45, True), (0.0, 1.0, False), (0.0, 0.5, False)],
    scarf: [(0.0, 2.3, True), (0.0, 1.0, False), (0.5, 1.0, False)],
    cup: [(0.0, 1.5, True), (0.0, 0.5, False)],
    microphone: [(0.0, 0.5, False), (0.9, 1.0, False)],
}


def canvas() -> Canvas:
    x, y = np.meshgrid(np.linspace(-2, 2, 201), np.linspace(-1, 3, 201))
    return Canvas(x.astype(np.float32), y.astype(np.float32), (100.0, 130.0, 180.0))


def axes() -> FaceAxes:
    found = face_axes(LANDMARKS)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.__name__)
def test_shapes_are_where_they_belong(kind: Callable[[Canvas], Cover]) -> None:
    random.seed(0)
    for _ in range(20):
        cover = kind(canvas())
        assert cover.alpha.dtype == cover.paint.dtype == np.float32
        assert cover.alpha.min() >= 0
        assert cover.alpha.max() <= 1
        assert cover.paint.shape == (201, 201, 3)
        for x, y, covered in PLACES[kind]:
            alpha = cover.alpha[round((y + 1) * 50), round((x + 2) * 50)]
            assert (alpha > 0.15) == covered, (x, y, alpha)


def test_a_hand_has_the_colour_of_the_skin() -> None:
    random.seed(0)
    cover = hand(canvas())
    colour = cover.paint[cover.alpha == 1].mean(axis=0)
    assert colour[0] < colour[1] < colour[2]
    assert np.abs(colour / colour.mean() - np.array([100, 130, 180]) / np.mean([100, 130, 180])).max() < 0.05


def test_what_is_in_front_hides_what_is_behind() -> None:
    front = Cover(np.array([[1, 0, 0.5]], np.float32), np.full((1, 3, 3), 200, np.float32))
    behind = Cover(np.ones((1, 3), np.float32), np.zeros((1, 3, 3), np.float32))
    both = front.over(behind)
    assert both.paint[0, :, 0].tolist() == [200, 0, 100]
    assert both.alpha.tolist() == [[1, 1, 1]]


def test_eyes_and_far_away_stay_as_they_are() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    image = portrait()
    before = image.copy()
    random.seed(1)
    for kind in set(KINDS[MaskStatus.NO_MASK]):
        drawn = draw_cover(image, axes(), kind)
        assert (image == before).all()
        assert np.abs(drawn[:100].astype(int) - image[:100]).max() <= 2
        assert np.abs(drawn[150:].astype(int) - image[150:]).max() > 20


def test_faces_keep_their_status_and_those_without_landmarks_are_left_out() -> None:
    pytest.importorskip("skimage", reason="needs the samples extra")
    image = portrait()[:384, 34:418].copy()
    box = np.array([[146, 70, 228, 184]], np.float32)
    seen = Faces(box, np.ones(1, np.float32), (LANDMARKS - [34, 0])[None].astype(np.float32))
    patches = [Patch(image, 0.4, status) for status in (MaskStatus.NO_MASK, MaskStatus.MASK, MaskStatus.MASK)]
    random.seed(0)
    drawn = list(covered_patches(patches, FixedDetector([seen, seen, Faces.none()])))
    assert [patch.status for patch in drawn] == [MaskStatus.NO_MASK, MaskStatus.MASK]
    assert {patch.box_side for patch in drawn} == {0.4}
