from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.types import Polygon
from maskcam.zones import EVERYWHERE, Zones

SIZE = (1000, 500)
LEFT_HALF: Polygon = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
U_SHAPE: Polygon = (
    (0.1, 0.1),
    (0.3, 0.1),
    (0.3, 0.7),
    (0.7, 0.7),
    (0.7, 0.1),
    (0.9, 0.1),
    (0.9, 0.9),
    (0.1, 0.9),
)


def face(x: float, y: float = 250, *, width: float = 80, height: float = 100) -> NDArray[np.float32]:
    """A box by its centre."""
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], np.float32)


def walk(zones: Zones, centres: list[tuple[float, float]], *, width: float = 80) -> list[bool]:
    answers: list[bool] = []
    for x, y in centres:
        before = answers[-1] if answers else None
        answers.append(zones.contain(face(x, y, width=width), size_wh=SIZE, before=before))
    return answers


def test_no_polygon_is_everywhere() -> None:
    assert Zones() == EVERYWHERE
    assert EVERYWHERE.contain(face(-500), size_wh=SIZE)
    assert EVERYWHERE.contain(face(300), size_wh=SIZE, before=False)


def test_a_face_counts_by_its_centre() -> None:
    zones = Zones((LEFT_HALF,))
    assert zones.contain(face(499), size_wh=SIZE)
    assert zones.contain(face(500), size_wh=SIZE)  # on the line itself
    assert not zones.contain(face(501), size_wh=SIZE)


def test_a_face_at_the_edge_of_the_picture_is_inside() -> None:
    zones = Zones((LEFT_HALF,))
    for x, y in [(40, 50), (40, 450), (300, 50), (300, 450)]:
        assert zones.contain(face(x, y), size_wh=SIZE, before=False)


def test_a_border_is_crossed_a_quarter_of_a_face_beyond() -> None:
    zones = Zones((LEFT_HALF,))
    there = walk(zones, [(x, 250) for x in range(400, 601)])
    back = walk(zones, [(x, 250) for x in range(600, 399, -1)])
    assert there == [x <= 520 for x in range(400, 601)]
    assert back == [x <= 480 for x in range(600, 399, -1)]


def test_the_margin_goes_with_the_shorter_side() -> None:
    zones = Zones((LEFT_HALF,))
    assert not zones.contain(face(506, width=20, height=200), size_wh=SIZE, before=True)
    assert zones.contain(face(506, width=40, height=30), size_wh=SIZE, before=True)


@pytest.mark.parametrize("start", [440, 560])
def test_who_stands_on_the_border_does_not_flicker(start: int) -> None:
    random = np.random.default_rng(0)
    steps = [(start, 250.0), *((float(x), 250.0) for x in 500 + random.normal(0, 5, 500))]
    answers = walk(Zones((LEFT_HALF,)), steps)
    assert set(answers) == {start < 500}


def test_concave() -> None:
    zones = Zones((U_SHAPE,))
    assert zones.contain(face(200, 200), size_wh=SIZE)
    assert zones.contain(face(800, 200), size_wh=SIZE)
    assert zones.contain(face(500, 400), size_wh=SIZE)
    assert not zones.contain(face(500, 200), size_wh=SIZE), "between the arms of the U"
    across = walk(zones, [(x, 200) for x in range(200, 801)])
    assert [now for before, now in pairwise(across) if now is not before] == [False, True]


def test_several_polygons_are_their_union() -> None:
    middle: Polygon = ((0.4, 0), (0.8, 0), (0.8, 1), (0.4, 1))
    far: Polygon = ((0.9, 0.4), (1, 0.4), (1, 0.6), (0.9, 0.6))
    zones = Zones((LEFT_HALF, middle, far))
    assert all(walk(zones, [(x, 250) for x in range(50, 801)])), "the border of one lies within another"
    assert not zones.contain(face(850), size_wh=SIZE)
    assert zones.contain(face(950), size_wh=SIZE)


def test_corners_go_with_the_picture() -> None:
    zones = Zones((U_SHAPE,))
    for scale in (0.25, 1, 3.84):
        size_wh = (round(1000 * scale), round(500 * scale))
        assert zones.contain(face(200, 200) * np.float32(scale), size_wh=size_wh, before=False)
        assert not zones.contain(face(500, 200) * np.float32(scale), size_wh=size_wh, before=True)


def test_a_large_face_can_enter_a_narrow_zone() -> None:
    door: Polygon = ((0.5, 0), (0.55, 0), (0.55, 1), (0.5, 1))  # 50 pixels, and a quarter of the face is 75
    answers = walk(Zones((door,)), [(x, 250) for x in range(300, 800)], width=300)
    assert any(answers)
    assert not answers[0]
    assert not answers[-1]


@pytest.mark.parametrize("clockwise", [True, False])
def test_either_way_around(clockwise: bool) -> None:
    zones = Zones((LEFT_HALF if clockwise else LEFT_HALF[::-1],))
    assert zones.contain(face(300), size_wh=SIZE, before=False)
    assert not zones.contain(face(700), size_wh=SIZE, before=True)


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        ((), "at least 3 corners, got 0"),
        (((0, 0), (1, 1)), "at least 3 corners, got 2"),
        (((0, 0), (640, 0), (640, 360)), r"between 0 and 1, got \(640, 0\): divide pixels"),
        (((0, 0), (1, 0), (1, -0.01)), "between 0 and 1"),
        (((0, 0), (1, 0), (1, float("nan"))), "between 0 and 1"),
        (((0, 0), (1, 0), (1, 1, 1)), "must be x and y"),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)), "covers 0 of the picture"),
        (((0.5, 0.5),) * 4, "covers 0 of the picture"),
        (((0, 0), (1, 0), (0, 1), (1, 1)), "cross: list its corners in order"),
    ],
)
def test_what_is_no_place(polygon: Polygon, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Zones((LEFT_HALF, polygon))
