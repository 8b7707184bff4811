"""What every sink promises, whatever it does with the results."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from maskcam.central.forwarder import Forwarder
from maskcam.errors import OutputError
from maskcam.outbox.memory import MemoryReceiver
from maskcam.sinks.alerts import AlertOptions, AlertSink
from maskcam.sinks.base import Sink, SinkGroup
from maskcam.sinks.jsonl import JsonlSink
from maskcam.sinks.memory import MemorySink
from maskcam.sinks.overlapped import OverlappedSink
from maskcam.sinks.pictures import PictureSink
from maskcam.sinks.snapshots import SnapshotSink
from maskcam.sinks.store import StoreSink
from maskcam.sinks.video import VideoSink
from maskcam.sinks.window import WindowSink
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, Image, MaskStatus, Track, Violation, ViolationPhase
from tests.central.places import FakeLink
from tests.factories import make_frame, make_image, make_result, make_track, make_violation
from tests.sinks.windows import FakeWindows

MakeSink = Callable[[Path], Sink]

WRITERS: dict[str, MakeSink] = {
    "jsonl": lambda folder: JsonlSink(folder / "events.jsonl", snapshots=folder / "snapshots"),
    "pictures": PictureSink,
    "snapshots": SnapshotSink,
    "store": lambda folder: StoreSink(EventStore.open(folder / "events.db"), run_id="0" * 32),
    "video": lambda folder: VideoSink(folder / "video.mp4"),
    "overlapped video": lambda folder: OverlappedSink(VideoSink(folder / "video.mp4"), name="records"),
    "crash-safe video": lambda folder: VideoSink(folder / "video.mp4", crash_safe=True),
}
SINKS: dict[str, MakeSink] = WRITERS | {
    "alerts": lambda folder: AlertSink(
        MemoryReceiver(),
        identity="a",
        options=AlertOptions(outbox=folder / "o.sqlite", run_id="r", picture="frame"),
    ),
    "forwarder": lambda folder: Forwarder(EventStore.open(folder / "events.db"), FakeLink()),
    "memory": lambda folder: MemorySink(pictures=True),  # noqa: ARG005
    "window": lambda folder: WindowSink(pictures=folder),
    "mosaic": lambda folder: WindowSink(cameras=["gate", "door"], pictures=folder),
    "group": lambda folder: SinkGroup(
        [MemorySink(), JsonlSink(folder / "a.jsonl"), VideoSink(folder / "a.mp4")]
    ),
}

BOXES = [(20, 60, 60, 110), (100, 80, 160, 150), (250, -10, 340, 260)]
STATUSES = [MaskStatus.NO_MASK, MaskStatus.MASK, MaskStatus.INCORRECT]


@pytest.fixture(params=SINKS)
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MakeSink:
    FakeWindows(monkeypatch)
    return SINKS[request.param]


@pytest.fixture(params=WRITERS)
def make_writer(request: pytest.FixtureRequest) -> MakeSink:
    return WRITERS[request.param]


def tracks(count: int) -> tuple[Track, ...]:
    return tuple(
        make_track(box, status, track_id=i + 1)
        for i, (box, status) in enumerate(zip(BOXES[:count], STATUSES, strict=False))
    )


def digest(result: FrameResult, picture: Image) -> str:
    arrays = [result.frame.image, picture, *(t.box_xyxy for t in result.tracks)]
    arrays += [v.box_xyxy for v in result.violations]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


@pytest.mark.parametrize("people", [0, 1, 3])
def test_takes_any_result_and_leaves_it_as_it_was(make: MakeSink, tmp_path: Path, people: int) -> None:
    picture = make_image(seed=9)
    with make(tmp_path) as sink:
        for index, phase in enumerate([None, *ViolationPhase]):
            violations: tuple[Violation, ...] = ()
            if phase is not None:
                violations = tuple(
                    make_violation(phase, box_xyxy=box, violation_id=i + 1, track_id=i + 1)
                    for i, box in enumerate(BOXES[:people])
                )
            result = make_result(make_frame(index=index), tracks(people), violations)
            before = digest(result, picture)
            sink.write(result, picture if sink.wants_picture(result) else None)
            assert digest(result, picture) == before


def test_takes_read_only_arrays(make: MakeSink, tmp_path: Path) -> None:
    picture = make_image()
    frame = make_frame()
    picture.flags.writeable = frame.image.flags.writeable = False
    with make(tmp_path) as sink:
        sink.write(make_result(frame, tracks(1), (make_violation(),)), picture)


def test_takes_frames_of_any_size(make: MakeSink, tmp_path: Path) -> None:
    with make(tmp_path) as sink:
        for index, size_wh in enumerate([(320, 240), (1, 1), (33, 17), (240, 320)]):
            frame = make_frame(size_wh, index=index)
            violation = make_violation(violation_id=index + 1)
            sink.write(make_result(frame, tracks(1), (violation,)), frame.image)


def test_takes_what_ended_with_the_source(make: MakeSink, tmp_path: Path) -> None:
    with make(tmp_path) as sink:
        sink.finish([make_violation(ViolationPhase.ENDED)])
        sink.finish([])


def test_closes_twice_and_unused(make: MakeSink, tmp_path: Path) -> None:
    sink = make(tmp_path)
    sink.close()
    sink.close()


def test_closes_after_an_error_of_somebody_else(make: MakeSink, tmp_path: Path) -> None:
    def interrupted() -> None:
        with make(tmp_path) as sink:
            sink.write(make_result(), make_image())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.rglob(".*")), "something half-written was left behind"


def test_makes_missing_folders(make_writer: MakeSink, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "Küche 1"
    with make_writer(folder) as sink:
        sink.write(make_result(make_frame(), tracks(1), (make_violation(),)), make_image())
    assert [path for path in folder.rglob("*") if path.is_file()]


def test_names_the_target_that_cannot_be_written(make_writer: MakeSink, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as caught:
        make_writer(tmp_path / "file" / "folder")
    message = str(caught.value)
    assert str(tmp_path / "file" / "folder") in message
    assert "\n" not in message
    assert "errno" not in message.lower()
