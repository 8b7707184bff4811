import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.economy import NOTHING_LEFT_OUT, EconomyOptions
from maskcam.lookout import AFRESH_SECONDS, Lookout
from maskcam.types import Faces, Sighting

SIZE_WH = (320, 180)
GREY = np.full((180, 320), 100, np.uint8)
SEEN = Sighting(Faces(np.array([[100, 60, 160, 120]], np.float32), np.array([0.9], np.float32)))
STILL = EconomyOptions(still_seconds=0.5, moving_seconds=0)
MOVING = EconomyOptions(still_seconds=0, moving_seconds=0.1)
TEXTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (180, 400), np.uint8), (0, 0), 4)
TEXTURE = cv2.normalize(TEXTURE, TEXTURE.copy(), 0, 255, cv2.NORM_MINMAX)


def noisy(glance: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 4, glance.shape)
    return (glance + noise).clip(0, 255).astype(np.uint8)


def carry(lookout: Lookout, glance: NDArray[np.uint8], pts_seconds: float) -> Sighting | None:
    return lookout.carry(glance, size_wh=SIZE_WH, pts_seconds=pts_seconds)


def panned(pixels: int) -> NDArray[np.uint8]:
    """Everything has moved to the right by so much since 0."""
    return np.ascontiguousarray(TEXTURE[:, 80 - pixels : 400 - pixels])


def seen(pixels: float, *, score: float = 0.9) -> Sighting:
    box = np.array([[100 + pixels, 60, 160 + pixels, 120]], np.float32)
    return Sighting(Faces(box, np.array([score], np.float32)))


def test_faces_are_where_they_were_while_nothing_moves_but_noise() -> None:
    lookout = Lookout(STILL)
    assert carry(lookout, GREY, 0.0) is None  # nothing is known yet
    lookout.note(noisy(GREY, seed=0), SEEN, pts_seconds=0.0)
    assert all(carry(lookout, noisy(GREY, seed=i), i / 25) is SEEN for i in range(1, 12))


@pytest.mark.parametrize("pts_seconds", [0.5, 7.0, -1.0])
def test_it_is_time_to_look_again(pts_seconds: float) -> None:
    lookout = Lookout(STILL)
    lookout.note(GREY, SEEN, pts_seconds=0.0)
    assert carry(lookout, GREY, pts_seconds) is None


def test_something_small_moves() -> None:
    lookout = Lookout(STILL)
    lookout.note(GREY, SEEN, pts_seconds=0.0)
    moved = GREY.copy()
    moved[90:94, 200:204] = 130
    assert carry(lookout, moved, 0.04) is None


def test_what_changes_slowly_adds_up() -> None:
    lookout = Lookout(EconomyOptions(still_seconds=10, moving_seconds=0))
    lookout.note(GREY, SEEN, pts_seconds=0.0)
    answers = [carry(lookout, GREY + np.uint8(i), i / 25) for i in range(1, 10)]
    assert answers[:6] == [SEEN] * 6
    assert answers[6:] == [None] * 3


def test_every_minute_it_begins_afresh() -> None:
    # what it knows just after a full minute is the same whether it was there before or not
    options = EconomyOptions(still_seconds=0.5, moving_seconds=0.1)
    went_on, began = Lookout(options), Lookout(options)
    for i in range(20):
        if carry(went_on, panned(2 * i), AFRESH_SECONDS + (i - 20) / 25) is None:
            went_on.note(panned(2 * i), seen(2 * i), pts_seconds=AFRESH_SECONDS + (i - 20) / 25)
    carried: list[list[bool]] = []
    for i in range(20, 34):
        pts_seconds = AFRESH_SECONDS + (i - 20) / 25
        answers = [carry(lookout, panned(2 * i), pts_seconds) for lookout in (went_on, began)]
        carried.append([answer is not None for answer in answers])
        for lookout, answer in zip((went_on, began), answers, strict=True):
            if answer is None:
                lookout.note(panned(2 * i), seen(2 * i), pts_seconds=pts_seconds)
    assert [first for first, _ in carried] == [second for _, second in carried]
    assert carried[:4] == [[False, False]] * 4
    assert [True, True] in carried


def test_another_size_is_another_picture() -> None:
    lookout = Lookout(STILL)
    lookout.note(GREY, SEEN, pts_seconds=0.0)
    assert carry(lookout, GREY[:90], 0.04) is None


def test_at_no_interval_every_frame_is_looked_at() -> None:
    lookout = Lookout(NOTHING_LEFT_OUT)
    for i in range(5):
        assert carry(lookout, GREY, i / 25) is None
        lookout.note(GREY, SEEN, pts_seconds=i / 25)


def looks(lookout: Lookout, *, count: int, fps: float = 25, score: float = 0.9) -> int:
    """Runs so many frames of a face that moves 2 pixels a frame; how often it had to be looked for."""
    looked = 0
    for i in range(count):
        if carry(lookout, panned(2 * i), i / fps) is None:
            looked += 1
            lookout.note(panned(2 * i), seen(2 * i, score=score), pts_seconds=i / fps)
    return looked


def test_a_face_that_moves_on_is_looked_for_in_every_third_frame() -> None:
    assert looks(Lookout(MOVING), count=34) == 4 + 10  # until it is known to stay, and then of 30


def test_and_followed_in_between() -> None:
    lookout = Lookout(MOVING)
    looks(lookout, count=5)  # the last of which carried it
    carried = carry(lookout, panned(10), 0.2)
    assert carried is not None
    assert np.abs(carried.faces.boxes_xyxy - seen(10).faces.boxes_xyxy).max() < 1


def test_newcomers_are_looked_for_in_every_frame_until_they_stay() -> None:
    lookout = Lookout(MOVING)
    looks(lookout, count=7)
    two = Faces(
        np.array([[114, 60, 174, 120], [20, 20, 60, 60]], np.float32), np.array([0.9, 0.8], np.float32)
    )
    looked = []
    for i in range(7, 16):
        is_due = carry(lookout, panned(14), i / 25) is None
        looked.append(is_due)
        if is_due:
            lookout.note(panned(14), Sighting(two), pts_seconds=i / 25)
    first = looked.index(True)
    assert looked[first : first + 6] == [True, True, True, True, False, False]


def test_frames_far_apart_are_all_looked_at() -> None:
    assert looks(Lookout(EconomyOptions(still_seconds=0, moving_seconds=1)), count=12, fps=10) == 12


def test_faces_that_cannot_be_followed_are_looked_for() -> None:
    lookout = Lookout(MOVING)
    looks(lookout, count=4)
    other = np.ascontiguousarray(TEXTURE[::-1, 60:380])
    assert carry(lookout, other, 4 / 25) is None
