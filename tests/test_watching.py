import time
from collections.abc import Iterator

import numpy as np
import pytest

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import StreamLostError
from maskcam.pipeline import Pipeline
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
            yield Frame(np.zeros((120, 160, 3), np.uint8), i, i / 10, time.monotonic(), "yard")
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


def watch(
    sources: list[Source], pipeline: Pipeline, *, realtime: bool = False
) -> tuple[Watch, dict[str, MemorySink], list[Violation]]:
    sinks = {source.info.name: MemorySink() for source in sources}
    said: list[Violation] = []
    watching = Watch(sources, pipeline, sinks=sinks, realtime=realtime, on_violation=said.append)
    for _ in watching.run():
        pass
    return watching, sinks, said


def test_every_frame_of_recordings_reaches_its_own_sink(pipeline: Pipeline) -> None:
    watching, sinks, said = watch([film("a"), film("b", frames=10)], pipeline)
    assert [r.frame.index for r in sinks["a"].results] == list(range(25))
    assert [r.frame.index for r in sinks["b"].results] == list(range(10))
    assert {r.frame.camera for r in sinks["b"].results} == {"b"}
    assert [(v.camera, v.phase) for v in said] == [("a", ViolationPhase.STARTED), ("a", ViolationPhase.ENDED)]
    status = watching.cameras["a"]
    assert (status.frames, status.dropped, status.violations, status.ended) == (25, 0, 1, "ended")


def test_a_lost_camera_is_told_apart_from_an_end_and_stops_nobody(pipeline: Pipeline) -> None:
    watching, sinks, said = watch([LostCamera(), film("a", frames=60)], pipeline)
    assert watching.cameras["yard"].ended == "yard stopped answering"
    assert watching.cameras["yard"].failed
    assert not watching.cameras["a"].failed
    assert len(sinks["a"].results) == 60
    phases = [v.phase for v in said if v.camera == "yard"]
    assert phases[-1] is ViolationPhase.ENDED, "who was there when the camera went has been logged to the end"


def test_recordings_are_shown_at_their_own_speed(pipeline: Pipeline) -> None:
    start = time.monotonic()
    watch([film("a", frames=13)], pipeline, realtime=True)
    assert time.monotonic() - start >= 12 / 25 - 0.01


def test_stopping_early_ends_what_is_open(pipeline: Pipeline) -> None:
    said: list[Violation] = []
    watching = Watch(
        [film("a", frames=10_000)],
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
