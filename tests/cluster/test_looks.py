from collections.abc import Sequence

import numpy as np
import pytest

from maskcam.cluster.looks import Recall, SavedLook, pack_looks, unpack_looks
from maskcam.errors import ClusterError
from maskcam.pipeline import Look
from maskcam.types import Faces, Frame, MaskStatus, Sighting, Verdict
from tests.factories import make_frame


def faces(count: int, *, landmarks: bool = True) -> Faces:
    random = np.random.default_rng(count)
    points = random.random((count, 5, 2), np.float32) if landmarks else None
    return Faces(random.random((count, 4), np.float32) * 300, random.random(count, np.float32), points)


def verdict(share: float) -> Verdict:
    return Verdict({MaskStatus.MASK: share, MaskStatus.NO_MASK: 1 - share}, MaskStatus.UNSURE, share)


def look(frame: Frame, sighting: Sighting, *, is_new: bool = True) -> Look:
    return Look((frame,), (sighting,), (is_new,), (frame.pixels.glance(),), 0.01)


FRAMES = [make_frame(index=index) for index in range(4)]
LOOKS = [
    look(FRAMES[0], Sighting(Faces.none())),
    look(FRAMES[1], Sighting(faces(2))),
    look(FRAMES[2], Sighting(faces(3, landmarks=False)), is_new=False),
    look(FRAMES[3], Sighting(faces(2), (verdict(1 / 3), verdict(0.9)))),
]


def saved(looks: Sequence[Look] = LOOKS) -> list[SavedLook]:
    return list(unpack_looks(pack_looks([SavedLook.of(one) for one in looks])))


def test_looks_come_back_exactly_as_they_were() -> None:
    recall = Recall(saved())
    for frame, before in zip(FRAMES, LOOKS, strict=True):
        now = recall.look([frame])
        assert (now.frames, now.is_new, now.seconds) == (before.frames, before.is_new, before.seconds)
        assert np.array_equal(now.glances[0], before.glances[0])
        (found,), (expected,) = now.sightings, before.sightings
        assert found.verdicts == expected.verdicts
        assert np.array_equal(found.faces.boxes_xyxy, expected.faces.boxes_xyxy)
        assert np.array_equal(found.faces.scores, expected.faces.scores)
        assert (found.faces.landmarks is None) == (expected.faces.landmarks is None)
        if found.faces.landmarks is not None and expected.faces.landmarks is not None:
            assert np.array_equal(found.faces.landmarks, expected.faces.landmarks)
            assert found.faces.landmarks.dtype == found.faces.boxes_xyxy.dtype == np.float32


@pytest.mark.parametrize(
    "other",
    [
        make_frame(index=0, pts_seconds=0.001),  # another time
        make_frame(image=make_frame(index=7).image, pts_seconds=0.0),  # another picture
    ],
)
def test_a_frame_that_was_not_looked_at_is_an_error(other: Frame) -> None:
    recall = Recall(saved())
    with pytest.raises(ClusterError, match=r"door at 0.00\d s is decoded otherwise in parts than as a whole"):
        recall.look([other])


def test_a_frame_too_many_is_an_error() -> None:
    recall = Recall(saved(LOOKS[:1]))
    recall.look([FRAMES[0]])
    with pytest.raises(ClusterError, match="decoded otherwise"):
        recall.look([FRAMES[1]])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_part_that_is_not_whole_is_an_error(share: float) -> None:
    data = pack_looks([SavedLook.of(one) for one in LOOKS])
    with pytest.raises(ClusterError, match="cannot be read"):
        list(unpack_looks(data[: int(share * len(data))]))
