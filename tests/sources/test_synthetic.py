from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from maskcam.errors import InputError
from maskcam.sources.synthetic import SyntheticSource


def test_the_same_numbers_give_the_same_moving_pixels() -> None:
    with (
        SyntheticSource.from_spec("synthetic:80x60@12.5*4") as one,
        SyntheticSource.from_spec("synthetic:80x60@12.5*4") as two,
    ):
        first, second = [frame.image for frame in one], [frame.image for frame in two]
    assert len(first) == 4
    np.testing.assert_array_equal(first, second)
    assert all((a != b).any() for a, b in pairwise(first))


def test_info_and_times() -> None:
    with SyntheticSource.from_spec("synthetic:1x2@4*3", name="door") as source:
        assert (source.info.name, source.info.size_wh, source.info.fps) == ("door", (1, 2), 4.0)
        assert (source.info.frame_count, source.info.duration_seconds) == (3, 0.75)
        assert [(frame.pts_seconds, frame.camera) for frame in source] == [
            (0, "door"),
            (0.25, "door"),
            (0.5, "door"),
        ]


@pytest.mark.parametrize(
    "spec",
    ["synthetic:", "synthetic:80x60", "synthetic:0x60@25*1", "synthetic:80x60@0*1", "synthetic:80x60@25*0"],
)
def test_a_wrong_spec_says_how_to_write_it(spec: str) -> None:
    with pytest.raises(InputError, match="write synthetic:WIDTHxHEIGHT@FPS"):
        SyntheticSource.from_spec(spec)
