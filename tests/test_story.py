"""The main job on real video with the shipped weights.

One identity per person, statuses that follow the mask, and a log that a person watching would write.
"""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from maskcam.config import Config
from maskcam.pixels import ArrayPixels
from maskcam.sources import open_source
from maskcam.types import Frame, MaskStatus, Track, Violation, ViolationPhase
from tests.cli import DEMO
from tests.shared import shared_file


@dataclass
class Story:
    """What was seen in a clip."""

    tracks: list[tuple[float, tuple[Track, ...]]] = field(default_factory=list)
    reports: list[tuple[float, Violation]] = field(default_factory=list)

    @property
    def violations(self) -> list[Violation]:
        return [violation for _, violation in self.reports]

    def nearest(self, seconds: float, centre_x: float) -> Track | None:
        """Who stands there at that time."""
        _, tracks = min(self.tracks, key=lambda entry: abs(entry[0] - seconds))
        near = [t for t in tracks if abs(float(t.box_xyxy[0] + t.box_xyxy[2]) / 2 - centre_x) < 60]
        return near[0] if near else None

    def identities_of_the_largest(self) -> list[int]:
        """Identity of the largest face in each frame that has one, without repeats in a row."""
        ids = [largest(tracks).track_id for _, tracks in self.tracks if tracks]
        return [now for before, now in itertools.pairwise([0, *ids]) if now != before]

    def status_of_the_largest(self, seconds: float) -> MaskStatus | None:
        _, tracks = min(self.tracks, key=lambda entry: abs(entry[0] - seconds))
        return largest(tracks).status if tracks else None

    def started(self) -> list[Violation]:
        return [v for v in self.violations if v.phase is ViolationPhase.STARTED]

    def ended(self) -> list[Violation]:
        """Each violation at its end, in the order in which they started."""
        ended = [v for v in self.violations if v.phase is ViolationPhase.ENDED]
        return sorted(ended, key=lambda v: v.violation_id)

    def pictured(self) -> dict[int, float]:
        """When the last snapshot of each violation was taken."""
        return {v.violation_id: seconds for seconds, v in self.reports if v.is_best_view}


def largest(tracks: tuple[Track, ...]) -> Track:
    return max(tracks, key=lambda track: float(np.prod(track.box_xyxy[2:] - track.box_xyxy[:2])))


def watch(
    path: Path, *, shown: Callable[[Frame], Frame] = lambda frame: frame, seconds: float = math.inf
) -> Story:
    """Watches a clip, or its beginning, with every frame as `shown` gives it."""
    story = Story()
    with Config(device="cpu").build_pipeline() as pipeline, open_source(str(path)) as source:
        for frame in itertools.takewhile(lambda f: f.pts_seconds < seconds, map(shown, source)):
            (result,) = pipeline.step([frame])
            story.tracks.append((frame.pts_seconds, result.tracks))
            story.reports += [(frame.pts_seconds, violation) for violation in result.violations]
        story.reports += [(frame.pts_seconds, violation) for violation in pipeline.finish(path.name)]
    return story


@pytest.fixture(scope="module")
def demo() -> Story:
    return watch(DEMO)


TRUTH = json.loads(DEMO.with_suffix(".json").read_text())


def test_demo_log_is_what_a_person_would_write(demo: Story) -> None:
    expected = sorted(TRUTH["expected_violations"], key=lambda v: str(v["status"]))
    started = sorted(demo.started(), key=lambda v: v.status.value)
    assert [v.status.value for v in started] == [v["status"] for v in expected]
    ended = {v.violation_id: v for v in demo.violations if v.phase is ViolationPhase.ENDED}
    for violation, truth in zip(started, expected, strict=True):
        assert violation.started_seconds == pytest.approx(truth["started_seconds"], abs=1.0)
        end = ended[violation.violation_id].ended_seconds
        assert end is not None
        assert truth["ended_seconds"] <= end <= truth["ended_seconds"] + 1.6, (
            "0.6 s of moving mask and 1 s of voting"
        )
        course = ended[violation.violation_id].transitions
        assert [t.status for t in course] == [violation.status, MaskStatus.MASK], "then worn"
        assert truth["started_seconds"] < demo.pictured()[violation.violation_id] < truth["ended_seconds"]


def test_demo_somebody_hidden_for_a_moment_is_logged_once() -> None:
    """The bare woman on the left, from 3 s on, with something before her face from 4.5 to 6.1 s."""

    def cover(frame: Frame) -> Frame:
        if not 4.5 <= frame.pts_seconds < 6.1:
            return frame
        image = frame.image.copy()
        image[180:400, 160:340] = 120
        return replace(frame, pixels=ArrayPixels(image))

    story = watch(DEMO, shown=cover, seconds=8)
    left = [v for v in story.violations if v.box_xyxy[0] < 400]
    assert [v.phase for v in left if not v.is_best_view] == [ViolationPhase.ENDED]
    assert {v.violation_id for v in left} == {1}
    assert len({v.track_id for v in left}) == 2, "the tracker has lost her"
    assert [t.status for t in left[-1].transitions] == [MaskStatus.NO_MASK]


@pytest.mark.parametrize("person", TRUTH["people"], ids=lambda person: str(person["name"]))
def test_demo_statuses_and_identities(demo: Story, person: dict[str, object]) -> None:
    identities = set()
    for face in person["boxes"]:  # type: ignore[attr-defined]
        seconds, (x1, _, x2, _) = face["frame"] / TRUTH["video"]["fps"], face["box_xyxy"]
        for interval in person["statuses"]:  # type: ignore[attr-defined]
            if interval["start_seconds"] + 1.0 <= seconds < interval["end_seconds"]:
                track = demo.nearest(seconds, (x1 + x2) / 2)
                assert track is not None, f"nobody found at {seconds} s"
                assert track.status.value == interval["status"], f"at {seconds} s"
                identities.add(track.track_id)
    assert len(identities) == 1


def test_mask_going_on_is_followed_within_a_second() -> None:
    """One man, bare; the mask is before his face from 0.95 s on and fastened by 2.2 s; hands hide it until 3.7 s."""
    story = watch(shared_file("data/clips/khanh_khanh.mp4"))
    assert len(story.identities_of_the_largest()) <= 2
    assert story.status_of_the_largest(0.6) is MaskStatus.NO_MASK
    for seconds in (2.0, 2.3, 4.2, 5.0, 5.6):
        assert story.status_of_the_largest(seconds) is MaskStatus.MASK, f"at {seconds} s"
    assert story.violations == [], "he is bare for less than a second"


def test_mask_going_down_is_followed_within_a_second() -> None:
    """A man with a mask, who pulls it under his chin from 2.4 to 2.75 s; he holds a phone that shows a bare face."""
    story = watch(shared_file("data/clips/uengmim_test.avi"))
    assert len(story.identities_of_the_largest()) <= 2
    for seconds in (0.5, 1.0, 1.5):
        assert story.status_of_the_largest(seconds) is MaskStatus.MASK, f"at {seconds} s"
    for seconds in (3.75, 4.1):
        status = story.status_of_the_largest(seconds)
        assert status in (MaskStatus.INCORRECT, MaskStatus.NO_MASK), f"at {seconds} s"
    photograph, man = story.ended()
    assert len(story.started()) == 2
    assert photograph.status is MaskStatus.NO_MASK, "the face on his phone, there all the time"
    assert (photograph.started_seconds, photograph.ended_seconds) == pytest.approx((0, 4.12), abs=0.3)
    assert man.status in (MaskStatus.INCORRECT, MaskStatus.NO_MASK)
    assert (man.started_seconds, man.ended_seconds) == pytest.approx((2.72, 4.12), abs=0.5)
    assert [t.status for t in man.transitions] == [man.status]
    assert story.pictured()[man.violation_id] > 2.75, "the mask is under his chin on the picture"


@pytest.mark.parametrize(
    ("clip", "people", "seconds"),
    [("intel_walk.mkv", 1, 2.93), ("intel_face-demographics-walking-and-pause.gif", 3, 3.33)],
)
def test_bare_faces_are_logged_once_each_and_never_called_masked(
    clip: str, people: int, seconds: float
) -> None:
    story = watch(shared_file(f"data/clips/{clip}"))
    statuses = [track.status for _, tracks in story.tracks for track in tracks]
    assert statuses.count(MaskStatus.NO_MASK) > 0.95 * len(statuses)
    assert len(story.started()) == len(story.ended()) == people
    for violation in story.ended():
        assert (violation.started_seconds, violation.ended_seconds) == pytest.approx((0, seconds), abs=0.3)
        assert [t.status for t in violation.transitions] == [MaskStatus.NO_MASK]
