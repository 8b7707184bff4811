"""What every tracker promises."""

from collections.abc import Callable

import numpy as np
import pytest

from maskcam.trackers.base import Tracker
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.trackers.still import StillTracker
from maskcam.types import Faces

TRACKERS: dict[str, Callable[[], Tracker]] = {
    "bytetrack": lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
    "still": lambda: StillTracker(minimum_score=0.5),
}


@pytest.fixture(params=TRACKERS)
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return TRACKERS[request.param]()


def some_faces(count: int, score: float = 0.9) -> Faces:
    lefts = np.arange(count, dtype=np.float32)[:, None] * 100
    boxes = np.hstack([lefts, lefts * 0, lefts + 50, lefts * 0 + 60]).astype(np.float32)
    return Faces(boxes, np.full(count, score, np.float32))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_one_identity_per_face_in_its_order(tracker: Tracker, count: int) -> None:
    for i in range(5):
        identities = tracker.update(some_faces(count), pts_seconds=i / 25)
    assert identities.shape == (count,)
    assert identities.dtype == np.int64
    assert len(set(identities.tolist())) == count
    assert count == 0 or identities.min() >= 1


def test_weak_faces_start_nothing(tracker: Tracker) -> None:
    for i in range(5):
        assert tracker.update(some_faces(3, score=0.2), pts_seconds=i / 25).tolist() == [0, 0, 0]


def test_faces_are_left_unchanged(tracker: Tracker) -> None:
    faces = some_faces(3)
    boxes, scores = faces.boxes_xyxy.copy(), faces.scores.copy()
    for i in range(3):
        tracker.update(faces, pts_seconds=i / 25)
    assert (faces.boxes_xyxy == boxes).all()
    assert (faces.scores == scores).all()


def test_identities_are_never_used_again(tracker: Tracker) -> None:
    before: set[int] = set()
    for start in (0.0, 100.0, 0.0):  # a long gap, then a file that starts over
        now = {
            int(i) for k in range(4) for i in tracker.update(some_faces(2), pts_seconds=start + k / 25) if i
        }
        assert now
        assert not now & before
        before |= now


def test_two_trackers_do_not_share_numbers() -> None:
    for make in TRACKERS.values():
        first, second = make(), make()
        for i in range(4):
            a = first.update(some_faces(2), pts_seconds=i / 25)
            b = second.update(some_faces(2), pts_seconds=i / 25)
        assert a.min() >= 1
        assert sorted(a.tolist()) == sorted(b.tolist())
