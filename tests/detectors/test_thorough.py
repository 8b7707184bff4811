import numpy as np
import pytest

from maskcam.detectors.base import Detector
from maskcam.detectors.fixed import FixedDetector
from maskcam.detectors.thorough import Look, ThoroughDetector
from maskcam.types import Faces
from tests.factories import make_image


def faces(box: list[float], score: float) -> Faces:
    x1, y1, x2, y2 = box
    landmarks = np.array(
        [[[x1 + 5, y1 + 9], [x2 - 5, y1 + 9], [x1 + 9, y1 + 20], [x1 + 6, y2 - 5], [x2 - 6, y2 - 5]]],
        np.float32,
    )
    return Faces(np.array([box], np.float32), np.array([score], np.float32), landmarks)


def look(box: list[float], score: float, *, mirrored: bool = False) -> Look:
    detector: Detector = FixedDetector([faces(box, score)])
    return Look(detector, mirrored=mirrored)


def test_boxes_are_the_mean_of_the_looks_weighted_by_score() -> None:
    detector = ThoroughDetector(
        [look([100, 50, 140, 100], 0.9), look([104, 50, 144, 100], 0.3)], minimum_score=0.1
    )
    (found,) = detector.detect([make_image()])
    np.testing.assert_allclose(found.boxes_xyxy, [[101, 50, 141, 100]], rtol=1e-5)
    assert found.scores.tolist() == pytest.approx([0.6])


def test_a_mirrored_look_is_turned_back() -> None:
    once = ThoroughDetector([look([100, 50, 140, 100], 0.9)], minimum_score=0.1)
    mirrored = ThoroughDetector([look([180, 50, 220, 100], 0.9, mirrored=True)], minimum_score=0.1)
    (there,), (here,) = (detector.detect([make_image((320, 240))]) for detector in (once, mirrored))
    assert here.boxes_xyxy.tolist() == there.boxes_xyxy.tolist()
    assert here.landmarks is not None
    assert here.landmarks[0, 0, 0] < here.landmarks[0, 1, 0]  # the right eye stays on the left of the picture


def test_what_few_looks_find_scores_little() -> None:
    looks = [look([10, 10, 50, 60], 0.9), look([200, 10, 240, 60], 0.6), look([10, 10, 50, 60], 0.9)]
    (found,) = ThoroughDetector(looks, minimum_score=0.1).detect([make_image()])
    assert found.scores.tolist() == pytest.approx([0.6, 0.2])
    (found,) = ThoroughDetector(looks, minimum_score=0.3).detect([make_image()])
    assert len(found) == 1


def test_each_look_has_one_vote_per_face() -> None:
    twice = Faces(
        np.array([[100, 50, 140, 100], [104, 50, 144, 100]], np.float32), np.array([0.8, 0.6], np.float32)
    )
    nothing = Look(FixedDetector([Faces.none()]))
    (found,) = ThoroughDetector([Look(FixedDetector([twice])), nothing], minimum_score=0.1).detect(
        [make_image()]
    )
    assert found.scores.tolist() == pytest.approx([0.4])
    assert found.boxes_xyxy.tolist() == [[100, 50, 140, 100]]


def test_no_look_finds_a_face() -> None:
    nothing = Look(FixedDetector([Faces.none()]))
    (found,) = ThoroughDetector([nothing, nothing], minimum_score=0.1).detect([make_image()])
    assert len(found) == 0


def test_it_needs_a_look() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ThoroughDetector([], minimum_score=0.5)
