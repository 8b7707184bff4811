from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector, FixedJudgingDetector
from maskcam.economy import EconomyOptions
from maskcam.pipeline import CameraRules, Pipeline
from maskcam.pixels import ArrayPixels, Pixels
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces, Frame, FrameResult, Image, MaskStatus, Polygon, Verdict, ViolationPhase
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.zones import Zones

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
    return Frame(ArrayPixels(image), index, index / FPS, 0.0, camera)


def make_pipeline(detector: FixedDetector, rules: Mapping[str, CameraRules] | None = None) -> Pipeline:
    return Pipeline(
        detector=detector,
        classifier=FixedClassifier(by_colour, crop=CropSpec(size=32, margin=0.2)),
        new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
        voting=VotingOptions(),
        violations=ViolationOptions(),
        rules=rules or {},
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
    assert set(result.stage_seconds) == {"detect", "track", "crop", "classify", "vote", "blur"}
    assert (one.image == before).all()


LEFT_HALF: Polygon = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
DOOR_RULES = {"door": CameraRules(zones=Zones((LEFT_HALF,)))}


class ClosingDetector(FixedDetector):
    """Counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_without_rules_masks_are_required_everywhere() -> None:
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        results = [pipeline.step([frame(i, (100, MaskStatus.NO_MASK))])[0] for i in range(5)]
    assert all(track.is_required for track in results[-1].tracks)
    assert (results[-1].zones, results[-1].off_duty) == ((), False)


def test_masks_are_required_in_the_zone_only() -> None:
    people = ((100.0, MaskStatus.NO_MASK), (400.0, MaskStatus.NO_MASK))
    with make_pipeline(FixedDetector([faces(100, 400)]), DOOR_RULES) as pipeline:
        results = [pipeline.step([frame(i, *people)])[0] for i in range(20)]
        (elsewhere,) = pipeline.step([frame(20, *people, camera="gate")])
    assert {t.box_xyxy[0]: (t.is_required, t.status) for t in results[-1].tracks} == {
        100: (True, MaskStatus.NO_MASK),
        400: (False, MaskStatus.NO_MASK),
    }
    inside = next(t.track_id for t in results[-1].tracks if t.is_required)
    assert [v.track_id for r in results for v in r.violations] == [inside]
    assert results[-1].zones == (LEFT_HALF,)
    assert elsewhere.zones == ()


def test_leaving_the_zone_ends_the_violation_and_trembling_at_its_border_does_not() -> None:
    def left(i: int) -> float:
        """Inside, a walk to the border, to and fro across it by a tenth of a face, and out."""
        if i < 20:
            return 100
        if i < 40:
            return 100 + 9.5 * (i - 20)
        if i < 100:
            return 290 + 6 * (-1) ** i
        return min(290 + 9.5 * (i - 100), 450)

    with make_pipeline(FixedDetector(lambda i: faces(left(i))), DOOR_RULES) as pipeline:
        results = [pipeline.step([frame(i, (left(i), MaskStatus.NO_MASK))])[0] for i in range(140)]
    required = [track.is_required for result in results for track in result.tracks]
    assert sum(now != before for before, now in pairwise(required)) == 1
    violations = [v for r in results for v in r.violations]
    assert [v.phase for v in violations] == [ViolationPhase.STARTED, ViolationPhase.ENDED]
    assert violations[-1].ended_seconds == pytest.approx(
        10.2
    )  # 309 + 30 is the first centre past 320 + 60 / 4


def test_zones_hold_when_the_resolution_changes() -> None:
    with make_pipeline(FixedDetector([faces(150)]), DOOR_RULES) as pipeline:
        for i in range(5):
            (large,) = pipeline.step([frame(i, (150, MaskStatus.MASK))])
        narrow = Frame(ArrayPixels(np.full((240, 200, 3), 90, np.uint8)), 5, 0.5, 0.0, "door")
        (small,) = pipeline.step([narrow])
    assert [(t.track_id, t.is_required) for t in large.tracks] == [(1, True)]
    assert [(t.track_id, t.is_required) for t in small.tracks] == [(1, False)]


def test_off_duty_nobody_breaks_a_rule() -> None:
    with make_pipeline(FixedDetector([faces(100)])) as pipeline:
        results = []
        for i in range(80):
            off_duty = {"door"} if 20 <= i < 60 else {"gate"}
            results += pipeline.step([frame(i, (100, MaskStatus.NO_MASK))], off_duty=off_duty)
    assert [r.off_duty for r in results] == [20 <= i < 60 for i in range(80)]
    assert all(t.is_required != r.off_duty for r in results for t in r.tracks)
    said = [(v.phase, v.violation_id) for r in results for v in r.violations]
    assert said == [(ViolationPhase.STARTED, 1), (ViolationPhase.ENDED, 1), (ViolationPhase.UPDATED, 1)]


def test_each_detector_has_a_batch_of_its_own_and_the_classifier_one_for_all() -> None:
    shared, own = FixedDetector([faces(100)]), FixedDetector([faces(200, 400)])
    rules = {"b": CameraRules(detector=own), "d": CameraRules(detector=own)}
    with make_pipeline(shared, rules) as pipeline:
        for i in range(3):
            results = pipeline.step([frame(i, camera=name) for name in "abcd"])
        (alone,) = pipeline.step([frame(3, camera="d")])
    assert shared.batch_sizes == [2] * 3
    assert own.batch_sizes == [2] * 3 + [1]
    assert pipeline.classifier.batch_sizes[-2:] == [6, 2]  # type: ignore[attr-defined]
    assert [r.frame.camera for r in results] == list("abcd")
    assert [sorted(t.box_xyxy[0] for t in r.tracks) for r in results] == [[100], [200, 400]] * 2
    assert len(alone.tracks) == 2


def test_each_detector_is_closed_once() -> None:
    shared, own = ClosingDetector([faces(100)]), ClosingDetector([faces(100)])
    rules = {
        "a": CameraRules(detector=own),
        "b": CameraRules(detector=own),
        "c": CameraRules(detector=shared),
    }
    make_pipeline(shared, rules).close()
    assert (shared.closed, own.closed) == (1, 1)


def test_small_faces_are_overlooked_where_told_to() -> None:
    boxes = np.array([[100, 40, 160, 100], [300, 40, 339, 140], [400, 40, 440, 80]], np.float32)
    detector = FixedDetector([Faces(boxes, np.full(3, 0.9, np.float32))])
    with make_pipeline(detector, {"door": CameraRules(minimum_face=40)}) as pipeline:
        for i in range(5):
            door, gate = pipeline.step([frame(i), frame(i, camera="gate")])
    assert sorted(t.box_xyxy[0] for t in door.tracks) == [100, 400]  # the narrow one has a short side
    assert sorted(t.track_id for t in door.tracks) == [1, 2], "it was tracked before it was dropped"
    assert len(gate.tracks) == 3


def certain(status: MaskStatus) -> Verdict:
    return Verdict({known: float(known is status) for known in COLOURS}, status, 1.0)


def by_colour_around(pixels: Pixels, box_xyxy: NDArray[np.float32]) -> Verdict:
    left, top, right, bottom = (int(edge) for edge in box_xyxy)
    return certain(by_colour(pixels.region(left, top, right, bottom)))


def test_verdicts_of_the_detector_take_the_place_of_the_classifier() -> None:
    people = ((100.0, MaskStatus.MASK), (400.0, MaskStatus.NO_MASK))
    frames = [frame(i, *people) for i in range(20)]
    with (
        make_pipeline(FixedDetector([faces(100, 400)])) as asking,
        make_pipeline(FixedJudgingDetector([faces(100, 400)], judge=by_colour_around)) as told,
    ):
        expected = [asking.step([one])[0] for one in frames]
        results = [told.step([one])[0] for one in frames]
    assert isinstance(told.classifier, FixedClassifier)
    assert told.classifier.batch_sizes == [0] * 20
    for result, other in zip(results, expected, strict=True):
        assert [(t.track_id, t.status, t.verdict, t.is_judged) for t in result.tracks] == [
            (t.track_id, t.status, t.verdict, t.is_judged) for t in other.tracks
        ]
        assert [(v.phase, v.status) for v in result.violations] == [
            (v.phase, v.status) for v in other.violations
        ]


def test_each_face_keeps_the_verdict_given_with_it_when_small_ones_are_overlooked() -> None:
    boxes = np.array([[100, 40, 110, 50], [400, 40, 460, 100]], np.float32)
    found = Faces(boxes, np.array([0.9, 0.8], np.float32))

    def by_place(_: Pixels, box_xyxy: NDArray[np.float32]) -> Verdict:
        return certain(MaskStatus.MASK if box_xyxy[0] < 300 else MaskStatus.INCORRECT)

    detector = FixedJudgingDetector([found], judge=by_place)
    with make_pipeline(detector, {"door": CameraRules(minimum_face=30)}) as pipeline:
        results = [pipeline.step([frame(i)])[0] for i in range(5)]
    assert [track.status for track in results[-1].tracks] == [MaskStatus.INCORRECT]


def test_a_verdict_given_with_a_face_holds_while_nothing_moves() -> None:
    detector = FixedJudgingDetector([faces(100)], judge=by_colour_around)
    with Pipeline(
        detector=detector,
        classifier=FixedClassifier(by_colour, crop=CropSpec(size=32, margin=0.2)),
        new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
        voting=VotingOptions(),
        violations=ViolationOptions(),
        economy=EconomyOptions(still_seconds=0.45, certain_seconds=0.2),
    ) as pipeline:
        results = [pipeline.step([frame(i, (100, MaskStatus.NO_MASK))])[0] for i in range(15)]
        assert isinstance(pipeline.classifier, FixedClassifier)
        assert pipeline.classifier.batch_sizes == [0] * 15
    assert len(detector.seen_shapes) == 3  # at 0.0, 0.5 and 1.0 s
    tracks = [result.tracks[0] for result in results[1:]]
    assert {track.status for track in tracks} == {MaskStatus.NO_MASK}
    assert [track.is_judged for track in tracks].count(True) == 2
