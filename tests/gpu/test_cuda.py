"""What only a CUDA device can show. On machines without one these tests are skipped."""

import warnings

import pytest
import torch

from maskcam.pixels import ArrayPixels, Pixels
from maskcam.types import Sighting
from tests.factories import make_image
from tests.gpu.test_detector import Tolerance, assert_alike, expected, make_detector, pictures

__all__ = ["expected", "pictures"]  # fixtures

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_equals_the_cpu_in_single_precision(pictures: list[Pixels], expected: list[Sighting]) -> None:
    with make_detector(size=640, device=torch.device("cuda")) as detector:
        assert_alike(detector.detect_and_judge(pictures), expected, Tolerance(score=0.015, probability=0.015))


def test_equals_the_cpu_in_half_precision(pictures: list[Pixels], expected: list[Sighting]) -> None:
    # eleven bits for every value between two layers
    with make_detector(size=640, device=torch.device("cuda"), half=True) as detector:
        for _ in range(2):  # from the second time on with the memory and the graphs of the first
            assert_alike(
                detector.detect_and_judge(pictures),
                expected,
                Tolerance(pixels=1.0, score=0.03, probability=0.03),
            )


def test_the_host_waits_once_per_step() -> None:
    images = [ArrayPixels(make_image((640, 360), seed=seed)) for seed in range(4)]
    with make_detector(size=320, device=torch.device("cuda"), half=True) as detector:
        detector.detect_and_judge(images)  # what is kept for pictures of this size is made
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                detector.detect_and_judge(images)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [str(warning.message) for warning in caught if "synchroniz" in str(warning.message)]
    assert len(waits) == 1, waits
