import cv2
import numpy as np
import pytest

from maskcam.flow import follow_faces
from maskcam.pixels import ArrayPixels
from maskcam.types import Faces, Image
from tests.factories import make_image

SIZE_WH = (1280, 720)
SCENE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8), (0, 0), 9)
SCENE = cv2.normalize(SCENE, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
LANDMARKS = np.array([[[420, 230], [460, 230], [440, 250], [425, 275], [455, 275]]], np.float32)
FACE = Faces(np.array([[400, 200, 480, 300]], np.float32), np.array([0.9], np.float32), LANDMARKS)


def moved(shift_xy: tuple[float, float], *, growth: float = 1.0) -> Image:
    """The scene as seen after everything around the face has moved and grown."""
    matrix = cv2.getRotationMatrix2D((440, 250), 0, growth)
    matrix[:, 2] += shift_xy
    return np.asarray(cv2.warpAffine(SCENE, matrix, SIZE_WH, borderMode=cv2.BORDER_REFLECT), np.uint8)


def glance(image: Image) -> np.ndarray:
    return ArrayPixels(image).glance()


@pytest.mark.parametrize("shift_xy", [(0, 0), (12, 0), (-20, 9), (30, -25)])
def test_a_box_moves_with_its_face(shift_xy: tuple[float, float]) -> None:
    found = follow_faces(glance(SCENE), glance(moved(shift_xy)), FACE, size_wh=SIZE_WH)
    assert found is not None
    expected = FACE.boxes_xyxy + np.array([*shift_xy, *shift_xy], np.float32)
    assert np.abs(found.boxes_xyxy - expected).max() < 2.5  # of pixels; a glance has every fourth
    assert found.landmarks is not None
    assert np.abs(found.landmarks - (LANDMARKS + np.array(shift_xy, np.float32))).max() < 2.5
    assert found.scores.tolist() == FACE.scores.tolist()


def test_a_box_grows_with_its_face() -> None:
    found = follow_faces(glance(SCENE), glance(moved((0, 0), growth=1.1)), FACE, size_wh=SIZE_WH)
    assert found is not None
    x1, y1, x2, y2 = found.boxes_xyxy[0]
    assert (x2 - x1, y2 - y1) == pytest.approx((88, 110), abs=3)


def test_several_faces_each_go_their_own_way() -> None:
    both = Faces(
        np.array([[400, 200, 480, 300], [900, 400, 980, 500]], np.float32), np.array([0.9, 0.8], np.float32)
    )
    image = SCENE.copy()
    image[350:550, 850:1030] = SCENE[350:550, 838:1018]
    found = follow_faces(glance(SCENE), glance(image), both, size_wh=SIZE_WH)
    assert found is not None
    assert np.abs(found.boxes_xyxy[0] - both.boxes_xyxy[0]).max() < 1
    assert np.abs(found.boxes_xyxy[1] - (both.boxes_xyxy[1] + np.array([12, 0, 12, 0]))).max() < 2.5


def test_a_face_that_is_gone_is_not_followed() -> None:
    gone = cv2.GaussianBlur(np.random.default_rng(7).integers(0, 255, (720, 1280, 3), np.uint8), (0, 0), 3)
    gone = cv2.normalize(gone, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    assert follow_faces(glance(SCENE), glance(gone), FACE, size_wh=SIZE_WH) is None


def test_nobody_stays_nobody() -> None:
    assert follow_faces(glance(SCENE), glance(SCENE), Faces.none(), size_wh=SIZE_WH) is not None


def test_tiny_faces_at_the_edge() -> None:
    tiny = Faces(
        np.array([[0, 0, 6, 6], [1270, 710, 1280, 720]], np.float32), np.array([0.9, 0.8], np.float32)
    )
    found = follow_faces(glance(SCENE), glance(SCENE), tiny, size_wh=SIZE_WH)
    assert found is not None
    assert np.abs(found.boxes_xyxy - tiny.boxes_xyxy).max() < 1


def test_a_glance_of_a_flat_picture_says_that_nothing_moved() -> None:
    flat = np.full((720, 1280, 3), 90, np.uint8)
    found = follow_faces(glance(flat), glance(flat), FACE, size_wh=SIZE_WH)
    assert found is None or np.abs(found.boxes_xyxy - FACE.boxes_xyxy).max() < 1


def test_inputs_are_left_alone() -> None:
    before, now = glance(SCENE), glance(make_image(SIZE_WH))
    kept = before.copy(), now.copy(), FACE.boxes_xyxy.copy()
    follow_faces(before, now, FACE, size_wh=SIZE_WH)
    assert all((a == b).all() for a, b in zip(kept, (before, now, FACE.boxes_xyxy), strict=True))
