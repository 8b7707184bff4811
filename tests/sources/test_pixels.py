from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from maskcam.sources.pixels import make_upright, to_bgr
from tests.sources.media import corner_picture, red_corner

ONE = 1 << 16


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return np.array([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30], np.int32).tobytes()


@pytest.mark.parametrize(
    ("abcd", "corner", "shape"),
    [
        ((1, 0, 0, 1), "top left", (64, 96, 3)),
        ((0, 1, -1, 0), "top right", (96, 64, 3)),  # a quarter turn clockwise
        ((-1, 0, 0, -1), "bottom right", (64, 96, 3)),
        ((0, -1, 1, 0), "bottom left", (96, 64, 3)),
        ((-1, 0, 0, 1), "top right", (64, 96, 3)),  # mirrored left to right
        ((1, 0, 0, -1), "bottom left", (64, 96, 3)),
        ((0, 1, 1, 0), "top left", (96, 64, 3)),
        ((0, -1, -1, 0), "bottom right", (96, 64, 3)),
    ],
)
def test_all_eight_ways_to_turn(
    abcd: tuple[int, int, int, int], corner: str, shape: tuple[int, int, int]
) -> None:
    turned = make_upright(corner_picture(), matrix(*abcd))
    assert (red_corner(turned), turned.shape) == (corner, shape)
    assert turned.flags.c_contiguous


def test_transparent_parts_lie_over_white() -> None:
    bgra = np.zeros((1, 3, 4), np.uint8)
    bgra[0, :, 3] = (0, 51, 255)
    assert to_bgr(bgra)[0].tolist() == [[255, 255, 255], [204, 204, 204], [0, 0, 0]]


def test_sixteen_bits_keep_the_upper_eight() -> None:
    assert to_bgr(np.array([[0, 255, 256, 65535]], np.uint16))[0, :, 0].tolist() == [0, 0, 1, 255]


def test_a_view_becomes_contiguous() -> None:
    image = to_bgr(corner_picture()[:, ::2])
    assert image.flags.c_contiguous
    assert image.shape == (64, 48, 3)


def test_pyav_and_we_agree_on_what_a_matrix_means(tmp_path: Path) -> None:
    from tests.sources.media import write_video

    with av.open(
        str(write_video(tmp_path / "v.mp4", frame_count=1, rotation=(90, False, False)))
    ) as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 90  # counter-clockwise
    assert red_corner(make_upright(corner_picture(), matrix(0, -1, 1, 0))) == "bottom left"
