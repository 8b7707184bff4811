"""A service over made-up cameras: started, changed while it runs, and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.config import Config, parse_config
from maskcam.config_sections import CameraConfig, DetectorConfig
from maskcam.crops import CropSpec
from maskcam.detectors.base import Detector
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import InputError, MaskcamError, OutputError, SourceError
from maskcam.feeds import Feed, FeedState
from maskcam.pipeline import CameraRules, Pipeline
from maskcam.pixels import ArrayPixels
from maskcam.service import Service, Workshop
from maskcam.sinks.base import Sink
from maskcam.sinks.memory import MemorySink
from maskcam.sources.base import Source, SourceInfo
from maskcam.trackers.bytetrack import ByteTrack
from maskcam.types import Faces, Frame, MaskStatus, Violation, ViolationPhase
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.watching import CameraStatus
from maskcam.zones import Zones

FACE = Faces(np.array([[40, 30, 90, 90]], np.float32), np.array([0.9], np.float32))


class SteadyCamera(Source):
    """Fifty grey pictures a second, until it is told to fail."""

    def __init__(self, name: str) -> None:
        self.info = SourceInfo(name, is_live=True)
        self.is_closed = False
        self.fails = False

    def frames(self) -> Iterator[Frame]:
        start = time.monotonic()
        for i in range(100_000):
            if self.fails:
                raise SourceError("out of order")
            now = time.monotonic()
            yield Frame(ArrayPixels(np.zeros((120, 160, 3), np.uint8)), i, now - start, now, self.info.name)
            time.sleep(0.02)

    def close(self) -> None:
        self.is_closed = True


class BrokenSink(MemorySink):
    """Fails as long as it is told to."""

    fails = False

    def write(self, result: Any, picture: Any) -> None:
        if type(self).fails:
            raise OutputError("no space left on the disk")
        super().write(result, picture)


class FakeWorkshop(Workshop):
    """One bare face before every camera."""

    def __init__(self) -> None:
        self.opened: list[SteadyCamera] = []
        self.sinks: list[BrokenSink] = []
        self.run_ids: list[str] = []
        self.refusals = 0

    def named(self, name: str) -> SteadyCamera:
        """The last one of that name."""
        return next(camera for camera in reversed(self.opened) if camera.info.name == name)

    def make_feed(self, camera: CameraConfig) -> Feed:
        name = camera.name or ""
        if camera.source.startswith("bad"):
            raise InputError(f"{name} is of no kind that is known")

        def open_camera() -> Source:
            self.opened.append(SteadyCamera(name))
            return self.opened[-1]

        return Feed(name=name, open=open_camera, analysis_fps=camera.analysis_fps)

    def make_pipeline(
        self, config: Config, cameras: Sequence[CameraConfig], detectors: dict[DetectorConfig, Detector]
    ) -> Pipeline:
        if self.refusals:
            self.refusals -= 1
            raise MaskcamError("weights are missing")
        detectors[config.detector] = FixedDetector([FACE])
        return Pipeline(
            detector=detectors[config.detector],
            classifier=FixedClassifier(
                {MaskStatus.NO_MASK: 0.9, MaskStatus.MASK: 0.1}, crop=CropSpec(size=32, margin=0)
            ),
            new_tracker=lambda: ByteTrack(minimum_score=0.5, confirm_frames=2, lost_seconds=1.0),
            voting=VotingOptions(),
            violations=ViolationOptions(dwell_seconds=0.1),
            rules={camera.name or "": CameraRules(zones=Zones(camera.zones)) for camera in cameras},
        )

    def make_sinks(self, config: Config, cameras: Sequence[str], *, run_id: str) -> Iterator[Sink]:  # noqa: ARG002
        self.run_ids.append(run_id)
        self.sinks.append(BrokenSink())
        yield self.sinks[-1]


def config_of(text: str) -> Config:
    return parse_config(text, name="maskcam.toml")


TWO = """
[[camera]]
name = "door"
source = "http://door"
[[camera]]
name = "hall"
source = "http://hall"
"""


def wait_until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def workshop() -> FakeWorkshop:
    return FakeWorkshop()


@pytest.fixture
def service(workshop: FakeWorkshop) -> Iterator[Service]:
    with Service(config_of(TWO), workshop) as running:
        running.start()
        wait_until(lambda: all(camera.violations for camera in running.cameras().values()))
        yield running


def frames_of(service: Service, name: str) -> int:
    return service.cameras()[name].frames


def test_it_judges_tells_and_ends_violations_when_it_stops(service: Service, workshop: FakeWorkshop) -> None:
    told: list[Violation | CameraStatus] = []
    unsubscribe = service.subscribe(told.append)
    assert service.state.is_running
    assert service.state.run_id == workshop.run_ids[0]
    result = service.latest("door")
    assert result is not None
    assert [track.status for track in result.tracks] == [MaskStatus.NO_MASK]
    assert service.meters.violations["door", "no_mask"] == 1
    service.close()
    ended = [item for item in told if isinstance(item, Violation) and item.phase is ViolationPhase.ENDED]
    assert sorted(item.camera for item in ended) == ["door", "hall"]
    assert {item.camera for item in workshop.sinks[0].finished} == {"door", "hall"}
    assert not service.state.is_running
    unsubscribe()
    service.close()


def test_without_a_camera_it_waits_for_one(workshop: FakeWorkshop) -> None:
    with Service(config_of(""), workshop) as running:
        running.start()
        assert running.cameras() == {}
        running.reconfigure(config_of(TWO))
        wait_until(lambda: frames_of(running, "hall") > 3)


def test_what_cannot_start_says_why(workshop: FakeWorkshop) -> None:
    workshop.refusals = 1
    with (
        Service(config_of(TWO), workshop) as running,
        pytest.raises(MaskcamError, match="weights are missing"),
    ):
        running.start()


def test_cameras_that_are_the_same_notice_nothing(service: Service, workshop: FakeWorkshop) -> None:
    door, hall = workshop.named("door"), workshop.named("hall")
    before = service.latest("door")
    assert before is not None
    text = (
        TWO.replace('"http://hall"', '"http://elsewhere"')
        + '[[camera]]\nname = "gate"\nsource = "http://gate"\n'
    )
    changes = service.reconfigure(config_of(text))
    assert (changes.unchanged, changes.reconnected, changes.added) == (("door",), ("hall",), ("gate",))
    wait_until(lambda: frames_of(service, "gate") > 3 and frames_of(service, "hall") > 3)
    wait_until(lambda: hall.is_closed)
    assert not door.is_closed
    after = service.latest("door")
    assert after is not None
    assert after.frame.index > before.frame.index
    assert [track.track_id for track in after.tracks] == [track.track_id for track in before.tracks]
    assert service.cameras()["door"].violations == 1, "the same violation goes on"
    assert workshop.run_ids == [service.state.run_id]


def test_a_camera_seen_another_way_gets_new_numbers(service: Service, workshop: FakeWorkshop) -> None:
    """Rows in the store are found by run, camera and number: a second number 1 would replace the first."""
    sink = workshop.sinks[0]
    service.reconfigure(config_of(TWO.replace('"http://hall"', '"http://elsewhere"')))
    wait_until(lambda: service.cameras()["hall"].violations == 1)
    numbers = [
        violation.violation_id
        for result in list(sink.results)
        for violation in result.violations
        if violation.camera == "hall" and violation.phase is ViolationPhase.STARTED
    ]
    assert numbers == [1, 2]


def test_zones_change_without_a_reconnect(service: Service, workshop: FakeWorkshop) -> None:
    elsewhere = 'zones = [[[0.8, 0.8], [1.0, 0.8], [1.0, 1.0], [0.8, 1.0]]]\n[[camera]]\nname = "hall"'
    text = TWO.replace('[[camera]]\nname = "hall"', elsewhere)
    assert service.reconfigure(config_of(text)).adjusted == ("door",)
    wait_until(lambda: not service.cameras()["door"].statuses)
    result = service.latest("door")
    assert result is not None
    assert result.zones
    assert [track.is_required for track in result.tracks] == [False]
    assert len(workshop.opened) == 2
    assert service.cameras()["hall"].statuses["no_mask"] == 1


def test_hours_change_without_a_reconnect(service: Service, workshop: FakeWorkshop) -> None:
    never = time.strftime("%a", time.localtime(time.time() + 3 * 86400))
    text = TWO.replace('source = "http://door"', f'source = "http://door"\nhours = ["{never} 00:00-00:01"]')
    assert service.reconfigure(config_of(text)).adjusted == ("door",)
    wait_until(lambda: service.cameras()["door"].off_duty)
    assert len(workshop.opened) == 2


def test_a_camera_that_is_removed_is_closed(service: Service, workshop: FakeWorkshop) -> None:
    door, hall = workshop.named("door"), workshop.named("hall")
    first = TWO.partition('[[camera]]\nname = "hall"')[0]
    assert service.reconfigure(config_of(first)).removed == ("hall",)
    wait_until(lambda: hall.is_closed)
    assert list(service.cameras()) == ["door"]
    assert service.latest("hall") is None
    assert [violation.camera for violation in workshop.sinks[0].finished] == ["hall"]
    count = frames_of(service, "door")
    wait_until(lambda: frames_of(service, "door") > count)
    assert not door.is_closed


def test_what_cannot_be_changed_to_leaves_everything_as_it_was(
    service: Service, workshop: FakeWorkshop
) -> None:
    before, opened = service.config, list(workshop.opened)
    bad = TWO.replace('"http://hall"', '"bad://x"').replace('"http://door"', '"http://new-door"')
    with pytest.raises(InputError, match="hall is of no kind"):
        service.reconfigure(config_of(bad))
    assert service.config is before
    count = frames_of(service, "door")
    wait_until(lambda: frames_of(service, "door") > count)
    assert workshop.opened == opened


def test_what_concerns_all_cameras_starts_everything_anew(service: Service, workshop: FakeWorkshop) -> None:
    changes = service.reconfigure(config_of("[voting]\nmemory_seconds = 9\n" + TWO))
    assert changes.restarts
    assert service.config.voting.memory_seconds == 9
    wait_until(lambda: frames_of(service, "door") > 3)
    assert len(set(workshop.run_ids)) == 2
    assert {violation.camera for violation in workshop.sinks[0].finished} == {"door", "hall"}
    assert service.state.restarts == 0


def test_a_new_start_that_fails_goes_back(service: Service, workshop: FakeWorkshop) -> None:
    before = service.config
    workshop.refusals = 1
    with pytest.raises(MaskcamError, match="weights are missing"):
        service.reconfigure(config_of("[voting]\nmemory_seconds = 9\n" + TWO))
    assert service.config is before
    wait_until(lambda: "door" in service.cameras() and frames_of(service, "door") > 3)


def test_a_fault_is_survived(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskcam import service as module

    monkeypatch.setattr(module, "_RESTART_SECONDS", 0.3)
    monkeypatch.setattr(BrokenSink, "fails", True)
    wait_until(lambda: service.state.fault == "no space left on the disk")
    wait_until(lambda: service.state.restarts >= 2)
    monkeypatch.setattr(BrokenSink, "fails", False)
    wait_until(lambda: service.state.is_running and bool(service.cameras()["door"].violations))
    assert service.state.fault is None


def test_after_a_fault_another_configuration_is_tried_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrokenSink, "fails", True)
    wait_until(lambda: service.state.fault is not None)
    monkeypatch.setattr(BrokenSink, "fails", False)
    assert service.reconfigure(config_of(TWO)).restarts
    assert service.state.is_running


def test_a_lost_camera_is_told(service: Service, workshop: FakeWorkshop) -> None:
    told: list[FeedState] = []

    def listen(item: Violation | CameraStatus) -> None:
        if isinstance(item, CameraStatus):
            told.append(item.health.state)

    service.subscribe(listen)
    workshop.named("door").fails = True
    wait_until(lambda: FeedState.RECONNECTING in told and told[-1] is FeedState.LIVE)


def test_taps_get_every_result_and_stay_open(workshop: FakeWorkshop) -> None:
    tap = MemorySink()
    with Service(config_of(TWO), workshop, taps=[tap]) as running:
        running.start()
        wait_until(lambda: len(tap.results) > 10)
    assert {result.frame.camera for result in tap.results} == {"door", "hall"}
