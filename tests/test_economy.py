import numpy as np
import pytest

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.economy import NOTHING_LEFT_OUT, EconomyOptions, sketch_face
from maskcam.pipeline import Pipeline
from maskcam.pixels import ArrayPixels
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces, FrameResult, Image, MaskStatus
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from tests.factories import make_frame, make_image

GREY = np.full((180, 320), 100, np.uint8)
ONE_FACE = Faces(np.array([[100, 60, 160, 120]], np.float32), np.array([0.9], np.float32))


@pytest.mark.parametrize(
    "box", [(100, 60, 160, 120), (-50, -50, 30, 30), (400, 300, 500, 400), (5, 5, 5.2, 5.2)]
)
def test_a_sketch_of_any_box(box: tuple[float, float, float, float]) -> None:
    sketch = sketch_face(GREY, np.array(box, np.float32), size_wh=(320, 180))
    assert (sketch.shape, sketch.dtype) == ((8, 8), np.uint8)


def test_a_sketch_is_cut_in_the_scale_of_the_glance() -> None:
    glance = GREY.copy()
    glance[30:60, 50:80] = 200
    assert (sketch_face(glance, np.array([200, 120, 320, 240], np.float32), size_wh=(1280, 720)) == 200).all()


def dressed(status: MaskStatus) -> Image:
    """A face whose lower half tells its status."""
    image = make_image()
    image[60:90, 100:160] = 150
    image[90:120, 100:160] = 220 if status is MaskStatus.MASK else 120
    return image


def by_brightness(crop: Image) -> MaskStatus:
    return MaskStatus.MASK if crop[20:28, 10:20].mean() > 180 else MaskStatus.NO_MASK


def run(
    economy: EconomyOptions, *, images: list[Image]
) -> tuple[list[FrameResult], FixedDetector, list[int]]:
    detector = FixedDetector([ONE_FACE])
    classifier = FixedClassifier(by_brightness, crop=CropSpec(size=32, margin=0.1))
    with Pipeline(
        detector=detector,
        classifier=classifier,
        new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
        voting=VotingOptions(),
        violations=ViolationOptions(),
        economy=economy,
    ) as pipeline:
        results = [pipeline.step([make_frame(image=image, index=i)])[0] for i, image in enumerate(images)]
    return results, detector, classifier.batch_sizes


MASKED = [dressed(MaskStatus.MASK)] * 50


def test_a_certain_face_is_judged_five_times_a_second() -> None:
    results, detector, judged = run(EconomyOptions(), images=MASKED)
    assert len(detector.seen_shapes) == pytest.approx(5, abs=1)  # two seconds, nothing moves
    assert sum(judged) == pytest.approx(5 + 9, abs=2)
    assert [track.is_judged for result in results for track in result.tracks].count(True) == sum(judged)


def test_all_of_it_can_be_switched_off() -> None:
    _, detector, judged = run(NOTHING_LEFT_OUT, images=MASKED)
    assert len(detector.seen_shapes) == 50
    assert sum(judged) >= 48


def test_a_mask_that_comes_off_is_noticed_as_soon_as_without_economy() -> None:
    images = [*MASKED[:30], *[dressed(MaskStatus.NO_MASK)] * 30]
    every, *_ = run(NOTHING_LEFT_OUT, images=images)
    fewer, _, judged = run(EconomyOptions(), images=images)
    assert sum(judged) < 45
    assert [r.tracks[0].status for r in fewer[5:]] == [r.tracks[0].status for r in every[5:]]
    # the end of the status before, and what follows
    assert {r.tracks[0].status for r in fewer[5:30]} == {MaskStatus.MASK}
    assert fewer[-1].tracks[0].status is MaskStatus.NO_MASK


def test_snapshots_show_what_the_classifier_saw() -> None:
    images = [dressed(MaskStatus.NO_MASK)] * 60
    results, *_ = run(EconomyOptions(), images=images)
    views = [
        (result.tracks[0].is_judged, violation.phase.value)
        for result in results
        for violation in result.violations
        if violation.is_best_view
    ]
    assert views
    assert all(is_judged or phase == "started" for is_judged, phase in views)


def test_a_glance_is_small_whatever_the_size() -> None:
    for size_wh in ((64, 48), (320, 240), (1280, 720), (3840, 2160), (720, 1280)):
        glance = ArrayPixels(make_image(size_wh)).glance()
        assert max(glance.shape) <= 640
        assert glance.flags.c_contiguous
