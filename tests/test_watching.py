import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest

from maskcam import feeds
from maskcam import watching as watching_module
from maskcam.classifiers.fixed import FixedClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import StreamLostError
from maskcam.feeds import Feed, FeedState
from maskcam.pipeline import Pipeline
from maskcam.pixels import ArrayPixels
from maskcam.schedule import Schedule
from maskcam.sinks.memory import MemorySink
from maskcam.sources.base import Source, SourceInfo
from maskcam.sources.synthetic import SyntheticSource
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces, Frame, MaskStatus, Violation, ViolationPhase
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.watching import Watch


class LostCamera(Source):
    """A live camera that gives thirty frames and is gone."""

    def __init__(self) -> None:
        self.info = SourceInfo("yard", is_live=True)

    def frames(self) -> Iterator[Frame]:
        for i in range(30):
            yield Frame(ArrayPixels(np.zeros((120, 160, 3), np.uint8)), i, i / 10, time.monotonic(), "yard")
            time.sleep(0.01)
        raise StreamLostError("yard stopped answering")

    def close(self) -> None:
        pass


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    faces = Faces(np.array([[40, 30, 90, 90]], np.float32), np.array([0.9], np.float32))
    with Pipeline(
        detector=FixedDetector([faces]),
        classifier=FixedClassifier(
            {MaskStatus.NO_MASK: 0.9, MaskStatus.MASK: 0.1}, crop=CropSpec(size=32, margin=0)
        ),
        new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
        voting=VotingOptions(),
        violations=ViolationOptions(dwell_seconds=0.5),
    ) as made:
        yield made


def film(name: str, *, frames: int = 25) -> Source:
    return SyntheticSource(size_wh=(160, 120), fps=25, frame_count=frames, name=name)


def feed(source: Source) -> Feed:
    return Feed(name=source.info.name, open=lambda: source, is_camera=False)


def watch(
    feeds: list[Feed],
    pipeline: Pipeline,
    *,
    realtime: bool = False,
    schedules: dict[str, Schedule] | None = None,
    until: Callable[[Watch], bool] = lambda _: False,
) -> tuple[Watch, dict[str, MemorySink], list[Violation], list[tuple[str, FeedState]]]:
    sinks = {feed.name: MemorySink() for feed in feeds}
    said: list[Violation] = []
    states: list[tuple[str, FeedState]] = []
    watching = Watch(
        feeds,
        pipeline,
        sinks=sinks,
        realtime=realtime,
        on_violation=said.append,
        on_state=lambda camera: states.append((camera.name, camera.health.state)),
        schedules=schedules or {},
    )
    for _ in watching.run():
        if until(watching):
            break
    return watching, sinks, said, states


def test_every_frame_of_recordings_reaches_its_own_sink(pipeline: Pipeline) -> None:
    watching, sinks, said, states = watch([feed(film("a")), feed(film("b", frames=10))], pipeline)
    assert [r.frame.index for r in sinks["a"].results] == list(range(25))
    assert [r.frame.index for r in sinks["b"].results] == list(range(10))
    assert {r.frame.camera for r in sinks["b"].results} == {"b"}
    assert [(v.camera, v.phase) for v in said] == [("a", ViolationPhase.STARTED), ("a", ViolationPhase.ENDED)]
    status = watching.cameras["a"]
    assert (status.frames, status.health.dropped, status.violations) == (25, 0, 1)
    assert [state for name, state in states if name == "a"] == [FeedState.LIVE, FeedState.ENDED]


def test_a_lost_camera_is_told_apart_from_an_end_and_stops_nobody(pipeline: Pipeline) -> None:
    watching, sinks, said, states = watch([feed(LostCamera()), feed(film("a", frames=60))], pipeline)
    assert watching.cameras["yard"].health.reason == "yard stopped answering"
    assert watching.cameras["yard"].health.state is FeedState.FAILED
    assert ("a", FeedState.ENDED) in states
    assert len(sinks["a"].results) == 60
    phases = [v.phase for v in said if v.camera == "yard"]
    assert phases[-1] is ViolationPhase.ENDED, "who was there when the camera went has been logged to the end"


def test_what_goes_on_before_a_lost_camera_ends_and_goes_on_when_it_is_back(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "_NOBODY_SECONDS", 0.05)
    monkeypatch.setattr(feeds, "_FIRST_WAIT_SECONDS", 0.3)
    _, sinks, said, states = watch(
        [Feed(name="yard", open=LostCamera)],
        pipeline,
        until=lambda watching: (
            watching.cameras["yard"].health.reconnects == 1
            and watching.cameras["yard"].health.state is FeedState.RECONNECTING
        ),
    )
    assert [state for _, state in states] == [FeedState.LIVE, FeedState.RECONNECTING] * 2
    assert [(v.violation_id, v.phase) for v in said] == [
        (1, ViolationPhase.STARTED),
        (1, ViolationPhase.ENDED),
        (1, ViolationPhase.UPDATED),
        (1, ViolationPhase.ENDED),
    ]
    assert [v.violation_id for v in sinks["yard"].finished] == [1, 1]
    ids = [track.track_id for result in sinks["yard"].results for track in result.tracks]
    assert ids == sorted(ids), "no identity comes back"


def test_out_of_hours_nobody_breaks_a_rule_but_recordings_have_no_hours(pipeline: Pipeline) -> None:
    never = datetime.now() + timedelta(days=2)
    schedule = Schedule.parse([f"{never:%a} 00:00-24:00"])
    watching, sinks, said, _ = watch(
        [feed(LostCamera()), feed(film("a"))], pipeline, schedules={"yard": schedule, "a": schedule}
    )
    assert watching.cameras["yard"].off_duty
    assert {v.camera for v in said} == {"a"}
    assert all(result.off_duty for result in sinks["yard"].results)
    assert not any(result.off_duty for result in sinks["a"].results)


def test_recordings_are_shown_at_their_own_speed(pipeline: Pipeline) -> None:
    start = time.monotonic()
    watch([feed(film("a", frames=13))], pipeline, realtime=True)
    assert time.monotonic() - start >= 12 / 25 - 0.01


def test_stopping_early_ends_what_is_open(pipeline: Pipeline) -> None:
    said: list[Violation] = []
    watching = Watch(
        [feed(film("a", frames=10_000))],
        pipeline,
        sinks={"a": MemorySink()},
        realtime=False,
        on_violation=said.append,
    )
    steps = watching.run()
    while not said:
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert [v.phase for v in said] == [ViolationPhase.STARTED, ViolationPhase.ENDED]
