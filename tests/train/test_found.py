from pathlib import Path

import numpy as np

from maskcam.detectors.fixed import FixedDetector
from maskcam.types import Faces, MaskStatus
from tests.train.made import make_faces, make_scenes
from train.faces import FaceSet, pictures
from train.found import found_pictures


def test_found_faces_take_the_detectors_boxes_and_the_labels_statuses(tmp_path: Path) -> None:
    chosen = pictures(FaceSet(scenes=make_scenes(tmp_path / "scenes")))
    boxes = np.array([[112, 22, 172, 84], [5, 15, 68, 80], [250, 0, 290, 15]], np.float32)
    faces = [Faces(boxes, np.array([0.9, 0.8, 0.7], np.float32)), Faces.none()]
    first, second = found_pictures(chosen, FixedDetector(faces))
    assert first.statuses == (MaskStatus.MASK, MaskStatus.NO_MASK)
    assert first.boxes_xyxy is not None
    assert np.array_equal(first.boxes_xyxy, boxes[[1, 0]])
    assert first.path == chosen[0].path
    assert second.statuses == ()


def test_pictures_that_are_faces_are_left_out(tmp_path: Path) -> None:
    chosen = pictures(FaceSet(kaggle=make_faces(tmp_path / "faces")))
    assert chosen
    assert list(found_pictures(chosen, FixedDetector([Faces.none()]))) == []
