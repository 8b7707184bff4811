import numpy as np
import pytest

from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces


def face(left: float, score: float = 0.9) -> Faces:
    return Faces(np.array([[left, 50, left + 60, 120]], np.float32), np.array([score], np.float32))


def tracker(**options: float) -> ByteTrack:
    settings = {"minimum_score": 0.5, "confirm_frames": 3, "lost_seconds": 1.0} | options
    return ByteTrack(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("fps", [5, 12.5, 30, 60])
def test_a_walking_person_keeps_one_identity(fps: float) -> None:
    one = tracker()
    seen = [int(one.update(face(100 + 40 * i / fps), pts_seconds=i / fps)[0]) for i in range(int(6 * fps))]
    assert seen[:2] == [0, 0]
    assert set(seen[3:]) == {1}


def test_a_weak_face_prolongs_its_track() -> None:
    one = tracker()
    for i in range(10):
        one.update(face(100), pts_seconds=i / 25)
    assert one.update(face(100, score=0.3), pts_seconds=10 / 25).tolist() == [1]


def test_back_after_a_short_occlusion_is_the_same_person() -> None:
    one = tracker()
    for i in range(25):
        one.update(face(100), pts_seconds=i / 25)
    for i in range(25, 40):
        one.update(Faces.none(), pts_seconds=i / 25)
    assert one.update(face(102), pts_seconds=40 / 25).tolist() == [1]


def test_back_after_long_is_somebody_new() -> None:
    one = tracker()
    for i in range(25):
        one.update(face(100), pts_seconds=i / 25)
    later = [int(one.update(face(100), pts_seconds=5 + i / 25)[0]) for i in range(5)]
    assert later[-1] == 2


def test_crossing_frame_rates_do_not_matter() -> None:
    one = tracker()
    times = np.cumsum([0.02, 0.2, 0.04, 0.1, 0.3, 0.02, 0.02, 0.25, 0.1])
    seen = [int(one.update(face(100 + 30 * t), pts_seconds=float(t))[0]) for t in times]
    assert set(seen[3:]) == {1}


def test_equal_and_slightly_older_time_stamps_are_no_reason_to_lose_anybody() -> None:
    one = tracker()
    times = [0.0, 0.0, 0.04, 0.04, 0.03, 0.08, 0.12]
    seen = [int(one.update(face(100), pts_seconds=t)[0]) for t in times]
    assert set(seen[3:]) == {1}


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="lost_seconds"):
        tracker(lost_seconds=0)
