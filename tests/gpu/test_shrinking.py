import cv2
import numpy as np
import pytest
import torch

from maskcam.detectors.letterbox import input_shape, letterbox
from maskcam.gpu.shrinking import Letterbox, area_weights, linear_weights
from maskcam.gpu.upload import Uploader
from maskcam.pixels import ArrayPixels
from maskcam.sources.planes import PlanarPixels
from tests.factories import make_image
from tests.sources.test_planes import picture


@pytest.mark.parametrize("target_wh", [(160, 120), (107, 80), (91, 77), (1, 1)])
def test_areas_are_those_of_opencv(target_wh: tuple[int, int]) -> None:
    image = make_image((320, 240)).astype(np.float32)[:, :, 0]
    ours = area_weights(240, target_wh[1]) @ image @ area_weights(320, target_wh[0]).T
    expected = cv2.resize(image, target_wh, interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(ours, expected, atol=0.01)  # float32


@pytest.mark.parametrize("target_wh", [(640, 480), (333, 250), (200, 130)])
def test_lines_are_those_of_opencv(target_wh: tuple[int, int]) -> None:
    image = make_image((320, 240)).astype(np.float32)[:, :, 0]
    ours = linear_weights(240, target_wh[1]) @ image @ linear_weights(320, target_wh[0]).T
    expected = cv2.resize(image, target_wh, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(ours, expected, atol=0.05)  # OpenCV's own weights are coarser


@pytest.mark.parametrize(
    ("size_wh", "is_planar", "mean", "most"),
    [
        ((1280, 720), False, 0.5, 1.0),  # rounding alone
        ((800, 600), False, 0.5, 1.0),
        ((200, 300), False, 0.5, 1.0),
        ((1280, 720), True, 4.0, 25.0),  # as said in Letterbox; strong colours
        ((300, 200), True, 4.0, 25.0),
    ],
)
def test_the_input_is_that_of_the_cpu(
    size_wh: tuple[int, int], is_planar: bool, mean: float, most: float
) -> None:
    pixels = PlanarPixels(picture(size_wh)) if is_planar else ArrayPixels(make_image(size_wh))
    device = torch.device("cpu")
    (batch,) = Uploader(device).upload([pixels])
    (ours,) = Letterbox(size=320, device=device, dtype=torch.float32)(batch).permute(0, 2, 3, 1).numpy()
    (expected,), _ = letterbox([pixels], size=320, shape=input_shape(pixels.size_wh, size=320))
    difference = np.abs(ours - expected)
    assert ours.shape == expected.shape
    assert difference.mean() <= mean
    assert difference.max() <= most
    assert (difference[(expected == 0).all(axis=2)] == 0).all(), "black after the picture's end"


def test_the_input_is_laid_out_for_the_network() -> None:
    device = torch.device("cpu")
    batches = Uploader(device).upload([ArrayPixels(make_image((64, 48)))] * 2)
    inputs = Letterbox(size=64, device=device, dtype=torch.float16)(batches[0])
    assert inputs.shape == (2, 3, 64, 64)
    assert inputs.dtype == torch.float16
    assert inputs.is_contiguous(memory_format=torch.channels_last)
