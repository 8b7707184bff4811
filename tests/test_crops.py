import numpy as np
import pytest

from maskcam.crops import CropSpec, cut_crops, square_boxes


def test_square_is_around_the_centre_with_its_margin() -> None:
    boxes = np.array([[10, 20, 30, 60]], np.float32)
    np.testing.assert_allclose(
        square_boxes(boxes, margin=0.25), [[-10, 10, 50, 70]]
    )  # 40 px side, 10 px each way


def test_crop_shows_what_is_in_the_box() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[40:60, 50:70] = (10, 200, 30)
    (crop,) = cut_crops(image, np.array([[50, 40, 70, 60]], np.float32), CropSpec(size=32, margin=0.0))
    assert (crop == (10, 200, 30)).all()


def test_margin_shows_the_surroundings() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[40:60, 50:70] = 255
    (crop,) = cut_crops(image, np.array([[50, 40, 70, 60]], np.float32), CropSpec(size=40, margin=0.5))
    white = (crop[..., 0] > 127).nonzero()
    assert [white[0].min(), white[0].max(), white[1].min(), white[1].max()] == pytest.approx(
        [10, 29, 10, 29], abs=1
    )


@pytest.mark.parametrize(
    "box",
    [(-30, -30, 10, 10), (110, 90, 160, 140), (-500, -500, -400, -400), (0, 0, 5000, 4000), (5, 5, 5, 5)],
)
def test_outside_is_black_and_nothing_breaks(box: tuple[float, ...]) -> None:
    image = np.full((100, 120, 3), 255, np.uint8)
    crops = cut_crops(image, np.array([box], np.float32), CropSpec(size=32, margin=0.2))
    assert crops.shape == (1, 32, 32, 3)
    if box != (5, 5, 5, 5):
        assert (crops == 0).any()


def test_no_boxes_and_one_pixel() -> None:
    spec = CropSpec(size=32, margin=0.2)
    assert cut_crops(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 4), np.float32), spec).shape == (
        0,
        32,
        32,
        3,
    )
    one = np.full((1, 1, 3), 7, np.uint8)
    assert cut_crops(one, np.array([[0, 0, 1, 1]], np.float32), CropSpec(size=32, margin=0)).max() == 7


def test_views_give_the_same_crops_and_the_image_stays() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    boxes = np.array([[10, 5, 50, 55]], np.float32)
    spec = CropSpec(size=24, margin=0.1)
    before = image.copy()
    mirrored = image[:, ::-1]
    assert (cut_crops(mirrored, boxes, spec) == cut_crops(mirrored.copy(), boxes, spec)).all()
    assert (image == before).all()


@pytest.mark.parametrize(("size", "margin"), [(8, 0.2), (128, -0.1), (128, 3.0)])
def test_spec_refuses_nonsense(size: int, margin: float) -> None:
    with pytest.raises(ValueError, match="must"):
        CropSpec(size=size, margin=margin)
