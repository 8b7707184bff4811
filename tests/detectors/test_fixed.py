import numpy as np
import pytest

from maskcam.detectors.fixed import FixedDetector
from maskcam.types import Faces


def face_at(x: float) -> Faces:
    return Faces(np.array([[x, 0, x + 10, 10]], np.float32), np.array([0.9], np.float32))


def test_hands_out_faces_in_turn_and_starts_again() -> None:
    detector = FixedDetector([face_at(0), Faces.none(), face_at(20)])
    image = np.zeros((50, 60, 3), np.uint8)
    found = detector.detect([image, image]) + detector.detect([image]) + detector.detect([image])
    assert [faces.boxes_xyxy[:, 0].tolist() for faces in found] == [[0], [], [20], [0]]
    assert detector.batch_sizes == [2, 1, 1]
    assert detector.seen_shapes == [(50, 60, 3)] * 4


def test_function_is_asked_with_the_number_of_the_image() -> None:
    detector = FixedDetector(lambda number: face_at(number * 5))
    image = np.zeros((50, 60, 3), np.uint8)
    assert [faces.boxes_xyxy[0, 0] for faces in detector.detect([image] * 3)] == [0, 5, 10]


def test_needs_something_to_hand_out() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FixedDetector([])
