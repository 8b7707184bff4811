import math

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.whereabouts import Whereabouts, who_is_back

FPS = 10
SIZE_WH = (640, 360)


def box(x: float, *, y: float = 180, size: float = 40) -> NDArray[np.float32]:
    """A face of that size around (x, y)."""
    return np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)


def seen(x: float, *, speed: float = 0.0, size: float = 40) -> Whereabouts:
    """A face seen for two seconds, at x in the end, at time 0; speed in pixels a second."""
    whereabouts = Whereabouts()
    for i in range(-2 * FPS, 1):
        whereabouts.note(box(x + speed * i / FPS, size=size), i / FPS)
    return whereabouts


def once(box_xyxy: NDArray[np.float32], seconds: float) -> Whereabouts:
    whereabouts = Whereabouts()
    whereabouts.note(box_xyxy, seconds)
    return whereabouts


def moving(x: float, speed: float, *, seconds: float) -> Whereabouts:
    """A face that appears at x at that time, watched for 0.3 s."""
    whereabouts = Whereabouts()
    for i in range(4):
        whereabouts.note(box(x + speed * i / FPS), seconds + i / FPS)
    return whereabouts


def distance(whereabouts: Whereabouts, new: NDArray[np.float32], seconds: float) -> float:
    return between(whereabouts, once(new, seconds))


def between(lost: Whereabouts, new: Whereabouts) -> float:
    return lost.distance(new, size_wh=SIZE_WH, walk_seconds=2.0)


def back(lost: list[Whereabouts], *new: NDArray[np.float32], seconds: float = 1.0) -> set[tuple[int, int]]:
    faces = [once(box_xyxy, seconds) for box_xyxy in new]
    return set(who_is_back(lost, faces, size_wh=SIZE_WH, walk_seconds=2.0))


@pytest.mark.parametrize("seconds", [0.2, 1.5, 3.0, 9.0])
def test_who_stands_is_expected_in_the_same_place(seconds: float) -> None:
    assert distance(seen(300), box(310), seconds) == pytest.approx(0.25)
    assert distance(seen(300), box(300 + 2.5 * 40), seconds) == math.inf, "that is his neighbour's place"


def test_who_walks_is_expected_further_on() -> None:
    walker = seen(200, speed=120)
    assert distance(walker, box(380), 1.5) == pytest.approx(0, abs=0.01)
    assert distance(walker, box(340), 1.5) == pytest.approx(1), "somewhat slower"
    assert distance(walker, box(200), 1.5) == math.inf, "another, who comes out where he went in"
    assert distance(walker, box(560), 3.0) == math.inf, "too long for a guess"


def test_who_has_walked_out_of_the_picture_is_not_in_it() -> None:
    assert distance(seen(600, speed=120), box(615), 0.5) == math.inf
    assert distance(seen(560, speed=120), box(600), 0.5) < 1


def test_who_comes_in_at_the_edge_was_not_in_the_picture() -> None:
    assert distance(seen(605), box(625), 1.0) == math.inf
    assert distance(seen(620), box(625), 1.0) < 1, "has stood there, cut by the edge"


@pytest.mark.parametrize(("size", "is_alike"), [(20, False), (30, True), (55, True), (70, False)])
def test_a_face_does_not_become_much_larger(size: float, is_alike: bool) -> None:
    assert math.isfinite(distance(seen(300), box(300, size=size), 1.0)) == is_alike


def test_each_is_back_once() -> None:
    assert back([seen(100), seen(300), seen(500)], box(505), box(98)) == {(0, 1), (2, 0)}
    assert back([], box(100)) == set()
    assert back([seen(100)]) == set()


def test_in_doubt_it_is_nobody() -> None:
    assert back([seen(300), seen(320)], box(310)) == set(), "either could be back"
    assert back([seen(300)], box(290), box(308)) == set(), "either could be him"
    assert back([seen(300), seen(335)], box(300)) == {(0, 0)}, "one is much nearer"


def test_seen_once_is_enough() -> None:
    assert distance(once(box(300), 0.0), box(300), 1.0) == 0


def test_who_moves_otherwise_is_another() -> None:
    assert between(seen(200, speed=120), moving(320, 100, seconds=1.0)) == 0
    assert between(seen(200, speed=120), moving(320, -120, seconds=1.0)) == math.inf
    assert between(seen(300), moving(300, 20, seconds=1.0)) == 0
    assert between(seen(300), moving(300, 150, seconds=5.0)) == math.inf, "comes by where somebody stood"


def test_who_was_there_before_is_another() -> None:
    assert distance(seen(300), box(300), 0.0) == math.inf
