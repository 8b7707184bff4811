import dataclasses

import numpy as np
import pytest

from maskcam.pixels import ArrayPixels
from maskcam.types import Faces, Frame, MaskStatus, Verdict


def test_frame_knows_its_size_and_cannot_be_changed() -> None:
    frame = Frame(
        ArrayPixels(np.zeros((4, 6, 3), np.uint8)), index=0, pts_seconds=0.0, captured_seconds=0.0, camera="a"
    )
    assert frame.size_wh == (6, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.index = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (np.zeros((4, 6), np.uint8), ValueError, r"\(H, W, 3\)"),
        (np.zeros((4, 6, 4), np.uint8), ValueError, r"got \(4, 6, 4\)"),
        (np.zeros((0, 6, 3), np.uint8), ValueError, r"got \(0, 6, 3\)"),
        (np.full((4, 6, 3), np.nan), TypeError, "uint8"),
        ([[0]], TypeError, "list"),
    ],
)
def test_pixels_refuse_what_is_no_bgr_image(image: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ArrayPixels(image)  # type: ignore[arg-type]


def test_frame_refuses_a_bare_array() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(TypeError, match="ArrayPixels"):
        Frame(image, index=0, pts_seconds=0.0, captured_seconds=0.0, camera="a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("boxes", "scores", "landmarks", "words"),
    [
        (np.zeros((2, 5), np.float32), np.zeros(2, np.float32), None, "boxes_xyxy"),
        (np.zeros((2, 4), np.float32), np.zeros(3, np.float32), None, "scores"),
        (np.zeros((1, 4), np.float32), np.array([1.5], np.float32), None, r"\[0, 1\]"),
        (np.zeros((1, 4), np.float32), np.array([np.nan], np.float32), None, r"\[0, 1\]"),
        (np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 4, 2), np.float32), "landmarks"),
    ],
)
def test_faces_check_their_arrays(boxes: object, scores: object, landmarks: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Faces(boxes, scores, landmarks)  # type: ignore[arg-type]


def test_some_of_the_faces() -> None:
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    landmarks = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    keep = np.array([True, False, True])
    some = Faces(boxes, scores, landmarks).select(keep)
    assert some.boxes_xyxy.tolist() == boxes[[0, 2]].tolist()
    assert some.scores.tolist() == scores[[0, 2]].tolist()
    assert some.landmarks is not None
    assert some.landmarks.tolist() == landmarks[[0, 2]].tolist()
    assert Faces(boxes, scores).select(keep).landmarks is None
    assert len(Faces.none().select(np.zeros(0, bool))) == 0


def test_no_faces() -> None:
    assert len(Faces.none()) == 0


def test_unsure_is_no_violation() -> None:
    assert [status for status in MaskStatus if status.is_violation] == [
        MaskStatus.NO_MASK,
        MaskStatus.INCORRECT,
    ]


def test_likeliest_class_of_an_unsure_verdict() -> None:
    odds = {MaskStatus.MASK: 0.3, MaskStatus.NO_MASK: 0.45, MaskStatus.INCORRECT: 0.25}
    assert Verdict(odds, MaskStatus.UNSURE, 0.45).likeliest is MaskStatus.NO_MASK
