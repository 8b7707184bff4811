import time
from dataclasses import replace

from maskcam.meters import LATENCY_BOUNDS_SECONDS, Histogram, Meters
from maskcam.types import ViolationPhase
from tests.factories import make_frame, make_result, make_violation


def test_a_histogram_counts_values_up_to_and_with_a_bound() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.025, 0.03, 99.0):
        histogram.add(seconds)
    assert histogram.counts[:2] == [2, 1]
    assert histogram.counts[-1] == 1
    assert len(histogram.counts) == len(LATENCY_BOUNDS_SECONDS) + 1
    assert histogram.total == 99.055


def test_the_stages_of_a_step_count_once_however_many_cameras_there_are() -> None:
    meters = Meters()
    for step in range(3):
        stages = {"detect": 0.5}
        for camera in ("door", "hall"):
            frame = replace(make_frame(camera=camera), captured_seconds=time.monotonic())
            meters.write(replace(make_result(frame), stage_seconds=stages), None)
        assert meters.steps == step + 1
    assert meters.stage_seconds["detect"] == 1.5
    assert sum(meters.latency["door"].counts) == sum(meters.latency["hall"].counts) == 3


def test_violations_count_when_they_start() -> None:
    meters = Meters()
    for phase in ViolationPhase:
        meters.write(make_result(violations=(make_violation(phase),)), None)
    assert meters.violations == {("door", "no_mask"): 1}
