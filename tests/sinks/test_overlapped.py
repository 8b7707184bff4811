import threading

import pytest

from maskcam.errors import OutputError
from maskcam.sinks.memory import MemorySink
from maskcam.sinks.overlapped import OverlappedSink
from maskcam.types import FrameResult, Image, ViolationPhase
from tests.factories import make_frame, make_result, make_violation


class FullDisk(MemorySink):
    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  # the disk is full
        raise OutputError(f"no room for frame {result.frame.index}")


class Threads(MemorySink):
    """Knows who wrote."""

    def __init__(self) -> None:
        super().__init__(pictures=True)
        self.writers: set[str] = set()

    def write(self, result: FrameResult, picture: Image | None) -> None:
        self.writers.add(threading.current_thread().name)
        super().write(result, picture)


def test_all_is_written_in_order_by_another_thread() -> None:
    inner = Threads()
    ended = make_violation(ViolationPhase.ENDED)
    with OverlappedSink(inner, name="records") as sink:
        for i in range(20):
            result = make_result(make_frame(index=i))
            assert sink.wants_picture(result)
            sink.write(result, result.frame.image)
        sink.finish([ended])
    assert [result.frame.index for result in inner.results] == list(range(20))
    assert inner.finished == [ended]
    assert inner.writers == {"records"}
    assert inner.closed


def test_its_errors_are_told_and_it_is_closed_all_the_same() -> None:
    inner = FullDisk()
    sink = OverlappedSink(inner, name="records")
    sink.write(make_result(make_frame(index=3)), None)
    with pytest.raises(OutputError, match="no room for frame 3"):
        sink.close()
    assert inner.closed
    sink.close()
