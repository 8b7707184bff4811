from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from maskcam.pixels import ArrayPixels
from maskcam.types import Frame, MaskStatus, Track, Verdict, Violation, ViolationPhase
from maskcam.violations import ViolationLog, ViolationOptions, safe_file_name

MASK, NO_MASK, INCORRECT, UNSURE = MaskStatus
STARTED, UPDATED, ENDED = ViolationPhase
FPS = 10
PICTURE = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)  # as sharp everywhere


def track(status: MaskStatus, *, track_id: int = 1, side: float = 40, left: float = 100) -> Track:
    box = np.array([left, 100, left + side, 100 + side], np.float32)
    return Track(track_id, box, 0.9, status, 0.9, 0.0, 0.0, Verdict({status: 1.0}, status, 1.0))


def elsewhere(status: MaskStatus) -> Track:
    """The same person, where or when no mask is required."""
    return replace(track(status), is_required=False)


class Story:
    """Feeds a log at 10 frames a second and keeps what it says."""

    def __init__(self, **options: float) -> None:
        self.log = ViolationLog("door", ViolationOptions(**options))
        self.frames = 0
        self.said: list[Violation] = []

    def go_on(self, seconds: float, *tracks: Track) -> None:
        for _ in range(round(seconds * FPS)):
            frame = Frame(ArrayPixels(PICTURE), self.frames, self.frames / FPS, 0.0, "door")
            self.said += self.log.update(frame, tracks)
            self.frames += 1

    @property
    def course(self) -> list[tuple[MaskStatus, float, float | None]]:
        """Statuses with their times, as last reported."""
        return [(t.status, t.started_seconds, t.ended_seconds) for t in self.said[-1].transitions]

    @property
    def phases(self) -> list[ViolationPhase]:
        return [violation.phase for violation in self.said]


def test_one_violation_per_person_not_per_frame() -> None:
    story = Story()
    story.go_on(10, track(NO_MASK))
    story.go_on(5, track(MASK))
    assert story.phases == [STARTED, ENDED]
    started, ended = story.said
    assert started.started_seconds == 0
    assert started.ended_seconds is None
    assert ended.ended_seconds == pytest.approx(10.0)
    assert started.violation_id == ended.violation_id == 1


def test_a_moment_is_no_violation() -> None:
    story = Story(dwell_seconds=1.0)
    story.go_on(0.9, track(NO_MASK))
    story.go_on(1, track(MASK))
    story.go_on(0.9, track(NO_MASK))
    story.go_on(9, track(UNSURE))
    assert story.said == []


def test_a_hand_before_the_face_ends_nothing() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    story.go_on(0.5, track(MASK))
    story.go_on(3, track(NO_MASK))
    assert story.phases == [STARTED]


def test_unsure_neither_starts_nor_ends() -> None:
    story = Story()
    story.go_on(2, track(NO_MASK))
    story.go_on(20, track(UNSURE))
    assert story.phases == [STARTED]


def test_again_within_the_cooldown_is_the_same_violation() -> None:
    story = Story(cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    story.go_on(5, track(MASK))
    story.go_on(3, track(NO_MASK))
    assert story.phases == [STARTED, ENDED, UPDATED]
    assert {violation.violation_id for violation in story.said} == {1}
    assert story.said[-1].ended_seconds is None


def test_again_after_the_cooldown_is_another() -> None:
    story = Story(cooldown_seconds=2)
    story.go_on(3, track(NO_MASK))
    story.go_on(8, track(MASK))
    story.go_on(3, track(INCORRECT))
    assert story.phases == [STARTED, ENDED, STARTED]
    assert story.said[-1].violation_id == 2
    assert story.said[-1].snapshot == "door_00002"


def test_status_change_updates() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    story.go_on(3, track(INCORRECT))
    assert story.phases == [STARTED, UPDATED]
    assert story.said[-1].status is INCORRECT
    assert not story.said[-1].is_best_view


def test_better_view_updates_once() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK, side=40))
    story.go_on(3, track(NO_MASK, side=41))
    story.go_on(3, track(NO_MASK, side=80))
    assert story.phases == [STARTED, UPDATED]
    assert story.said[-1].is_best_view
    assert story.said[-1].box_xyxy[2] == 180


def test_face_cut_by_the_edge_is_no_better_view() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK, side=60))
    story.go_on(3, track(NO_MASK, side=80, left=-20))
    assert story.phases == [STARTED]


def test_leaving_ends_it_when_last_seen() -> None:
    story = Story(lost_seconds=2)
    story.go_on(3, track(NO_MASK))
    story.go_on(5)
    assert story.phases == [STARTED, ENDED]
    assert story.said[-1].ended_seconds == pytest.approx(2.9)


def test_two_people_two_violations() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK), track(INCORRECT, track_id=2, left=200))
    assert [(v.track_id, v.status) for v in story.said] == [(1, NO_MASK), (2, INCORRECT)]
    assert len({v.snapshot for v in story.said}) == 2


def test_finish_ends_what_is_open() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK), track(MASK, track_id=2))
    (ended,) = story.log.finish()
    assert ended.phase is ENDED
    assert ended.ended_seconds == pytest.approx(2.9)
    assert story.log.finish() == ()


def test_a_file_that_starts_over_ends_it() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    story.frames = 0
    story.go_on(0.1)
    assert story.phases == [STARTED, ENDED]


def test_statuses_and_their_times_are_kept() -> None:
    story = Story()
    story.go_on(14, track(NO_MASK))
    assert story.course == [(NO_MASK, 0, None)]
    story.go_on(1, track(UNSURE))
    story.go_on(3, track(INCORRECT))
    assert story.course == [(NO_MASK, 0, 15), (INCORRECT, 15, None)]
    story.go_on(2, track(MASK))
    assert story.phases == [STARTED, UPDATED, ENDED]
    assert story.course == [(NO_MASK, 0, 15), (INCORRECT, 15, 18), (MASK, 18, None)]


def test_the_mask_in_between_is_kept_too() -> None:
    story = Story(cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    story.go_on(5, track(MASK))
    story.go_on(4, track(INCORRECT))
    assert story.course == [(NO_MASK, 0, 3), (MASK, 3, 8), (INCORRECT, 8, None)]
    assert story.said[-1].started_seconds == 0


def test_times_out_of_sight_are_nobodys() -> None:
    story = Story(lost_seconds=2, cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    story.go_on(3, track(MASK))
    story.go_on(3)
    story.go_on(3, track(NO_MASK))
    assert story.course == [(NO_MASK, 0, 3), (MASK, 3, 5.9), (NO_MASK, 9, None)]


def test_who_leaves_has_not_complied() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    story.go_on(5)
    assert story.course == [(NO_MASK, 0, 2.9)]


def test_a_moment_changes_no_status() -> None:
    story = Story(dwell_seconds=1.0)
    for _ in range(5):
        story.go_on(1.5, track(NO_MASK))
        story.go_on(0.5, track(INCORRECT))
    assert story.phases == [STARTED]
    assert story.course == [(NO_MASK, 0, None)]


def test_it_starts_with_what_was_seen_most() -> None:
    story = Story(dwell_seconds=1.0)
    story.go_on(0.9, track(NO_MASK))
    story.go_on(0.3, track(INCORRECT))
    assert [v.status for v in story.said] == [NO_MASK]


def test_moments_far_apart_are_no_violation() -> None:
    story = Story(dwell_seconds=1.0)
    for _ in range(5):
        story.go_on(0.5, track(NO_MASK))
        story.go_on(1.5, track(UNSURE))
        story.go_on(0.5, track(NO_MASK))
        story.go_on(1.5)
    assert story.said == []


def test_few_frames_a_second_are_no_pause() -> None:
    log = ViolationLog("door", ViolationOptions(dwell_seconds=5.0))
    said = [
        log.update(Frame(ArrayPixels(PICTURE), i, 3.0 * i, 0.0, "door"), [track(NO_MASK)]) for i in range(3)
    ]
    assert [v.phase for violations in said for v in violations] == [STARTED]


def test_a_snapshot_never_shows_the_mask_that_is_just_coming_on() -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    nearly = Verdict({MASK: 0.95, NO_MASK: 0.05}, MASK, 0.95)
    story.go_on(0.5, replace(track(NO_MASK, side=100), verdict=nearly))
    assert story.phases == [STARTED]


def test_another_violation_has_pictures_of_its_own() -> None:
    story = Story(cooldown_seconds=2)
    story.go_on(3, track(NO_MASK, side=100))
    story.go_on(8, track(MASK))
    story.go_on(3, track(NO_MASK, side=30))
    story.go_on(3, track(NO_MASK, side=60))
    assert story.phases == [STARTED, ENDED, STARTED, UPDATED]
    assert [v.is_best_view for v in story.said] == [True, False, True, True]


def test_a_camera_that_is_back_goes_on_with_the_same_violation() -> None:
    story = Story(cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    (ended,) = story.log.interrupt()
    assert ended.phase is ENDED
    assert ended.ended_seconds == 2.9
    assert story.log.interrupt() == ()
    story.frames += 5 * FPS
    story.go_on(2, track(NO_MASK, track_id=2), track(NO_MASK, track_id=3, left=200))
    assert [(v.phase, v.violation_id, v.track_id) for v in story.said] == [
        (STARTED, 1, 1),
        (UPDATED, 1, 2),
        (STARTED, 2, 3),
    ]
    assert {v.violation_id for v in story.log.finish()} == {1, 2}


def test_a_camera_that_is_back_too_late_starts_another() -> None:
    story = Story(cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    story.log.interrupt()
    story.frames += 11 * FPS
    story.go_on(2, track(NO_MASK, track_id=2))
    assert [(v.phase, v.violation_id) for v in story.said] == [(STARTED, 1), (STARTED, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_the_reports_make_sense(seed: int) -> None:
    """People come, go, change and are taken for others, at random: each violation starts once, and its times add up."""
    random = np.random.default_rng(seed)
    story = Story(cooldown_seconds=4)
    ids = [1, 2, 3]
    for _ in range(400):
        ids = [i if random.random() > 0.1 else max(ids) + 1 + n for n, i in enumerate(ids)]
        statuses = random.choice(np.array(MaskStatus), size=3)
        lefts = random.integers(0, 250, size=3)
        people = [track(s, track_id=i, left=x) for s, i, x in zip(statuses, ids, lefts, strict=True)]
        story.go_on(random.choice([0.1, 0.3, 1.5, 3.0]), *people[: random.integers(0, 4)])
        if random.random() < 0.05:
            story.said += story.log.interrupt()
    story.said += story.log.finish()
    by_id: dict[int, list[Violation]] = {}
    for violation in story.said:
        by_id.setdefault(violation.violation_id, []).append(violation)
    assert len(by_id) > 20
    for reports in by_id.values():
        assert [v.phase for v in reports].count(STARTED) == 1
        assert reports[0].phase is STARTED
        assert reports[-1].phase is ENDED
        assert len({(v.started_seconds, v.snapshot) for v in reports}) == 1
        for before, after in pairwise(reports):
            assert (before.phase, after.phase) != (ENDED, ENDED)
        for violation in reports:
            check_course(violation)


def check_course(violation: Violation) -> None:
    """Its statuses follow one another, and end when it does."""
    course = violation.transitions
    assert course[0].started_seconds == violation.started_seconds
    for before, after in pairwise(course):
        assert before.ended_seconds is not None
        assert before.started_seconds < before.ended_seconds <= after.started_seconds
    last = course[-1]
    if violation.ended_seconds is None:
        assert (last.status, last.ended_seconds) == (violation.status, None)
    elif last.status is MASK:
        assert (last.started_seconds, last.ended_seconds) == (violation.ended_seconds, None)
    else:
        assert last.ended_seconds == violation.ended_seconds


@pytest.mark.parametrize(
    ("camera", "name"),
    [("rtsp://a/b?c=1", "rtsp_a_b_c_1"), ("../../etc", "etc"), ("Tür 3", "Tür_3"), ("///", "camera")],
)
def test_camera_names_become_file_names(camera: str, name: str) -> None:
    assert safe_file_name(camera) == name


@pytest.mark.parametrize("status", [NO_MASK, INCORRECT, UNSURE])
def test_no_violation_where_no_mask_is_required(status: MaskStatus) -> None:
    story = Story()
    story.go_on(10, elsewhere(status))
    assert story.said == []


def test_time_without_a_mask_elsewhere_does_not_count() -> None:
    story = Story(dwell_seconds=1.0)
    story.go_on(10, elsewhere(NO_MASK))
    story.go_on(2, track(NO_MASK))
    assert story.phases == [STARTED]
    assert story.said[0].started_seconds == pytest.approx(10.0)


@pytest.mark.parametrize("status", MaskStatus)
def test_leaving_the_zone_ends_it_at_that_time(status: MaskStatus) -> None:
    story = Story()
    story.go_on(3, track(NO_MASK))
    story.go_on(10, elsewhere(status))
    assert story.phases == [STARTED, ENDED]
    assert story.said[-1].ended_seconds == pytest.approx(3.0)
    assert [t.status for t in story.said[-1].transitions] == [NO_MASK], "which is not putting a mask on"


def test_a_step_out_of_the_zone_ends_nothing() -> None:
    story = Story(comply_seconds=1.0)
    story.go_on(3, track(NO_MASK))
    for _ in range(5):
        story.go_on(0.5, elsewhere(NO_MASK))
        story.go_on(0.5, track(NO_MASK))
    assert story.phases == [STARTED]


def test_back_in_the_zone_within_the_cooldown_is_the_same_violation() -> None:
    story = Story(cooldown_seconds=10)
    story.go_on(3, track(NO_MASK))
    story.go_on(5, elsewhere(NO_MASK))
    story.go_on(3, track(NO_MASK))
    assert story.phases == [STARTED, ENDED, UPDATED]
    assert {violation.violation_id for violation in story.said} == {1}


def test_back_in_the_zone_after_the_cooldown_is_another() -> None:
    story = Story(cooldown_seconds=2)
    story.go_on(3, track(NO_MASK))
    story.go_on(8, elsewhere(NO_MASK))
    story.go_on(3, track(NO_MASK))
    assert story.phases == [STARTED, ENDED, STARTED]
