import pytest

from maskcam.benchmarking.meter import Meter, Note, memory, spread_ms, stages
from maskcam.benchmarking.report import Memory
from maskcam.sinks.memory import MemorySink
from maskcam.types import FrameResult
from tests.factories import make_frame, make_image


def note(seconds: float = 0.0, *, step: dict[str, float] | None = None, mib: float | None = None) -> Note:
    return Note(
        index=0,
        done_seconds=seconds,
        cpu_seconds=seconds,
        latency_seconds=0.0,
        faces=1,
        stage_seconds=step or {},
        draw_seconds=None,
        encode_seconds=None,
        resident_mib=mib,
    )


def test_frames_of_one_step_share_its_time() -> None:
    together, alone = {"detect": 0.030, "vote": 0.001}, {"detect": 0.010, "vote": 0.002}
    figures = stages([note(step=dict(together)), note(step=dict(together)), note(step=alone)], [0.002, 0.004])
    assert list(figures) == ["decode", "detect", "vote"]
    assert figures["decode"].mean == pytest.approx(3)
    assert figures["detect"].mean == pytest.approx((15 + 15 + 10) / 3, abs=1e-3)
    assert figures["detect"].p50 == pytest.approx(15)


def test_percentiles_are_of_the_slow_end() -> None:
    spread = spread_ms([0.001] * 98 + [0.1] * 2)
    assert spread.p50 == pytest.approx(1)
    assert spread.p99 == pytest.approx(100)
    assert spread.mean == pytest.approx((98 + 200) / 100)


def test_memory_is_that_of_the_later_half() -> None:
    notes = [note(mib=value) for value in (100, 100, 300, 310, 320)]
    assert memory(notes, 700) == Memory(steady=310, peak=700)
    assert memory([note(mib=None)], 0.0) == Memory(steady=None, peak=None)


def test_it_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.benchmarking.meter.MOST_NOTES", 3)
    meter = Meter()
    for index in range(5):
        meter.write(FrameResult(make_frame((64, 48), index=index), ()), None)
    assert ([note.index for note in meter.notes], meter.count) == ([0, 1, 2], 5)
    assert meter.last is not None
    assert meter.last.index == 4


def test_it_hands_everything_on_and_times_drawing_and_writing() -> None:
    video = MemorySink(pictures=True)
    result = FrameResult(make_frame((64, 48), index=3), (), draw_seconds=0.002)
    with Meter(video) as meter:
        assert meter.wants_picture(result)
        meter.write(result, make_image((64, 48)))
        meter.finish(())
    assert video.results == [result]
    assert video.closed
    (only,) = meter.notes
    assert (only.index, meter.size_wh) == (3, (64, 48))
    assert only.draw_seconds == 0.002
    assert only.encode_seconds is not None


def test_without_a_video_nothing_is_drawn() -> None:
    result = FrameResult(make_frame((64, 48)), ())
    meter = Meter()
    assert not meter.wants_picture(result)
    meter.write(result, None)
    assert (meter.notes[0].draw_seconds, meter.notes[0].encode_seconds) == (None, None)
