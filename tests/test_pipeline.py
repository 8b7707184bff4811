import numpy as np
import pytest

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.pipeline import Pipeline
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces, Frame, FrameResult, Image, MaskStatus, ViolationPhase
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions

FPS = 10
COLOURS = {MaskStatus.MASK: (0, 200, 0), MaskStatus.NO_MASK: (0, 0, 200), MaskStatus.INCORRECT: (200, 0, 0)}


def by_colour(crop: Image) -> MaskStatus:
    """The status whose colour the crop shows."""
    mean = crop.reshape(-1, 3).mean(0)
    return min(COLOURS, key=lambda status: float(np.abs(mean - COLOURS[status]).sum()))


def faces(*lefts: float, score: float = 0.9) -> Faces:
    boxes = np.array([[left, 40, left + 60, 100] for left in lefts], np.float32).reshape(-1, 4)
    return Faces(boxes, np.full(len(lefts), score, np.float32))


def frame(index: int, *people: tuple[float, MaskStatus], camera: str = "door") -> Frame:
    image = np.full((240, 640, 3), 90, np.uint8)
    for left, status in people:
        image[10:130, int(left) - 30 : int(left) + 90] = COLOURS[status]
    return Frame(image, index, index / FPS, 0.0, camera)


def make_pipeline(detector: FixedDetector) -> Pipeline:
    return Pipeline(
        detector=detector,
        classifier=FixedClassifier(by_colour, crop=CropSpec(size=32, margin=0.2)),
        new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
        voting=VotingOptions(),
        violations=ViolationOptions(),
    )


def test_two_people_keep_identity_and_status() -> None:
    people = ((100.0, MaskStatus.MASK), (400.0, MaskStatus.NO_MASK))
    with make_pipeline(FixedDetector([faces(100, 400)])) as pipeline:
        results = [pipeline.step([frame(i, *people)])[0] for i in range(20)]
    last = {track.box_xyxy[0]: track for track in results[-1].tracks}
    assert (last[100].status, last[400].status) == (MaskStatus.MASK, MaskStatus.NO_MASK)
    assert {t.track_id for r in results for t in r.tracks} == {1, 2}
    assert last[100].first_seconds < 0.3
    assert last[100].last_seconds == pytest.approx(1.9)
    violations = [v for r in results for v in r.violations]
    assert [(v.phase, v.status) for v in violations] == [(ViolationPhase.STARTED, MaskStatus.NO_MASK)]


def test_status_follows_the_mask_going_on() -> None:
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        results: list[FrameResult] = []
        for i in range(60):
            status = MaskStatus.NO_MASK if i < 30 else MaskStatus.MASK
            results += pipeline.step([frame(i, (100, status))])
        assert results[29].tracks[0].status is MaskStatus.NO_MASK
        assert results[40].tracks[0].status is MaskStatus.MASK  # one second later
        phases = [v.phase for r in results for v in r.violations]
    assert phases == [ViolationPhase.STARTED, ViolationPhase.ENDED]


def test_faces_that_are_gone_do_not_vote_and_are_not_shown() -> None:
    detector = FixedDetector(lambda i: faces(100) if i < 10 else Faces.none())
    with make_pipeline(detector) as pipeline:
        results = [pipeline.step([frame(i, (100, MaskStatus.NO_MASK))])[0] for i in range(14)]
        assert results[9].tracks
        assert not any(result.tracks for result in results[10:])
        assert pipeline.classifier.batch_sizes[10:] == [0] * 4  # type: ignore[attr-defined]


def test_cameras_share_one_batch_but_no_identities() -> None:
    detector = FixedDetector([faces(100), faces(100, 400)])
    with make_pipeline(detector) as pipeline:
        for i in range(5):
            left, right = pipeline.step(
                [
                    frame(i, (100, MaskStatus.MASK), camera="left"),
                    frame(i, (100, MaskStatus.INCORRECT), (400, MaskStatus.MASK), camera="right"),
                ]
            )
    assert detector.batch_sizes == [2] * 5
    assert pipeline.classifier.batch_sizes[-1] == 3  # type: ignore[attr-defined]
    assert [(t.track_id, t.status) for t in left.tracks] == [(1, MaskStatus.MASK)]
    assert {t.track_id for t in right.tracks} == {1, 2}
    assert {t.box_xyxy[0]: t.status for t in right.tracks} == {
        100: MaskStatus.INCORRECT,
        400: MaskStatus.MASK,
    }


def test_one_frame_per_camera() -> None:
    with (
        make_pipeline(FixedDetector([faces(100)])) as pipeline,
        pytest.raises(ValueError, match="one frame per camera"),
    ):
        pipeline.step([frame(0), frame(1)])


def test_no_frames_no_results() -> None:
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        assert pipeline.step([]) == []


def test_finish_ends_violations_and_forgets_the_camera() -> None:
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        for i in range(20):
            pipeline.step([frame(i, (100, MaskStatus.INCORRECT))])
        (ended,) = pipeline.finish("door")
        assert (ended.phase, ended.status) == (ViolationPhase.ENDED, MaskStatus.INCORRECT)
        assert pipeline.finish("door") == ()
        assert pipeline.finish("never seen") == ()


def test_stages_are_timed_and_the_frame_is_untouched() -> None:
    one = frame(0, (100, MaskStatus.MASK))
    before = one.image.copy()
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        (result,) = pipeline.step([one])
    assert set(result.stage_seconds) == {"detect", "track", "crop", "classify", "vote"}
    assert (one.image == before).all()
