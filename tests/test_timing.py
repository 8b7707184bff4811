import time

import pytest

from maskcam.timing import FpsCounter, StageTimer


def test_stages_add_up() -> None:
    timer = StageTimer()
    for _ in range(2):
        with timer.stage("work"):
            time.sleep(0.01)
    with pytest.raises(KeyError), timer.stage("fault"):
        raise KeyError
    assert timer.seconds["work"] >= 0.02
    assert "fault" in timer.seconds


def test_fps_over_the_last_moments_only() -> None:
    counter = FpsCounter(window_seconds=1.0)
    assert counter.fps == 0
    for i in range(10):
        counter.tick(i * 0.5)
    assert counter.fps == pytest.approx(2.0)
    for i in range(100):
        counter.tick(5 + i * 0.01)
    assert counter.fps == pytest.approx(100, rel=0.05)


def test_fps_of_frames_at_one_instant() -> None:
    counter = FpsCounter()
    counter.tick(1.0)
    counter.tick(1.0)
    assert counter.fps == 0
