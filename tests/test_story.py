"""The main job on real video with the shipped weights.

One identity per person, statuses that follow the mask, and a log that a person watching would write.
"""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from maskcam.config import Config
from maskcam.sources import open_source
from maskcam.types import MaskStatus, Track, Violation, ViolationPhase
from tests.cli import DEMO
from tests.shared import shared_file


@dataclass
class Story:
    """What was seen in a clip."""

    tracks: list[tuple[float, tuple[Track, ...]]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

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


def largest(tracks: tuple[Track, ...]) -> Track:
    return max(tracks, key=lambda track: float(np.prod(track.box_xyxy[2:] - track.box_xyxy[:2])))


def watch(path: Path) -> Story:
    story = Story()
    with Config(device="cpu").build_pipeline() as pipeline, open_source(str(path)) as source:
        for frame in source:
            (result,) = pipeline.step([frame])
            story.tracks.append((frame.pts_seconds, result.tracks))
            story.violations += result.violations
        story.violations += pipeline.finish(path.name)
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
    assert len(story.started()) <= 1


def test_mask_going_down_is_followed_within_a_second() -> None:
    """A man with a mask, who pulls it under his chin from 2.4 to 2.75 s; he holds a phone that shows a bare face."""
    story = watch(shared_file("data/clips/uengmim_test.avi"))
    assert len(story.identities_of_the_largest()) <= 2
    for seconds in (0.5, 1.0, 1.5):
        assert story.status_of_the_largest(seconds) is MaskStatus.MASK, f"at {seconds} s"
    for seconds in (3.75, 4.1):
        status = story.status_of_the_largest(seconds)
        assert status in (MaskStatus.INCORRECT, MaskStatus.NO_MASK), f"at {seconds} s"
    assert len(story.started()) <= 2, "the man, and the face on his phone"


@pytest.mark.parametrize("clip", ["intel_walk.mkv", "intel_face-demographics-walking-and-pause.gif"])
def test_bare_faces_are_never_called_masked_for_long(clip: str) -> None:
    story = watch(shared_file(f"data/clips/{clip}"))
    statuses = [track.status for _, tracks in story.tracks for track in tracks]
    assert statuses
    assert statuses.count(MaskStatus.NO_MASK) > 0.7 * len(statuses)
    assert len(story.started()) <= len({t.track_id for _, tracks in story.tracks for t in tracks})
