from collections.abc import Sequence
from itertools import pairwise

import pytest

from maskcam.probing.rhythm import (
    Arrival,
    Timeline,
    bit_rate,
    key_frames,
    mend,
    percentile,
    rate,
    rhythm,
    without_backlog,
)


def made(
    stamps: Sequence[float | None],
    *,
    late: Sequence[float] | None = None,
    keys: Sequence[int] = (0,),
    step: float = 0.1,
) -> list[Arrival]:
    """Packets of 1000 bytes that come every `step` seconds, `late` by so many seconds."""
    times = [100.0 + step * i + (late[i] if late else 0.0) for i in range(len(stamps))]
    waits = [0.0, *(later - sooner for sooner, later in pairwise(times))]
    return [Arrival(times[i], stamps[i], waits[i], 1000, i in keys) for i in range(len(stamps))]


def steady(count: int, step: float = 0.1) -> list[float]:
    return [i * step for i in range(count)]


def mended(arrivals: Sequence[Arrival], *, is_live: bool = True) -> Timeline:
    return mend(arrivals, is_live=is_live, usual_seconds=0.04)


def test_what_had_been_gathered_is_left_out() -> None:
    backlog = [Arrival(100.0 + i / 1e4, 0.1 * i, 1e-4, 1, False) for i in range(8)]
    waited = [Arrival(100.1 + 0.1 * i, 0.8 + 0.1 * i, 0.1, 1, False) for i in range(5)]
    assert without_backlog([*backlog, *waited]) == waited
    assert without_backlog(backlog) == backlog, "whatever never waits is no camera"


def test_rate_and_bit_rate() -> None:
    arrivals = made(steady(21), step=0.1)
    assert rate(arrivals) == pytest.approx(10)
    assert bit_rate(arrivals, mended(arrivals)) == pytest.approx(80_000)
    assert rate(arrivals[:1]) is None
    assert bit_rate(arrivals[:1], mended(arrivals[:1])) is None
    assert rate([]) is None


def test_key_frames_between_which_all_was_seen() -> None:
    arrivals = made(steady(31), keys=[0, 10, 25, 30])
    keys = key_frames(arrivals, mended(arrivals))
    assert keys.count == 4
    assert keys.mean_seconds == pytest.approx(1.0)
    assert keys.longest_seconds == pytest.approx(1.5)
    assert not keys.longest_is_open


@pytest.mark.parametrize(
    ("keys", "mean", "longest"), [([], None, 3.0), ([10], None, 2.0), ([5, 10], 0.5, 2.0)]
)
def test_key_frames_that_the_probe_cuts_off(keys: list[int], mean: float | None, longest: float) -> None:
    arrivals = made(steady(31), keys=keys)
    found = key_frames(arrivals, mended(arrivals))
    assert found.mean_seconds == pytest.approx(mean)
    assert found.longest_seconds == pytest.approx(longest)
    assert found.longest_is_open


def test_a_single_packet_says_nothing_of_key_frames() -> None:
    arrivals = made([0.0])
    assert key_frames(arrivals, mended(arrivals)).longest_seconds is None


def test_time_stamps_in_order() -> None:
    line = mended(made([5.0, 5.1, 5.25, 5.3]))
    assert (line.steps_back, line.jumps) == (0, 0)
    assert line.seconds == pytest.approx((0, 0.1, 0.25, 0.3))


def test_time_stamps_that_jump_and_step_back_are_mended_by_arrival() -> None:
    line = mended(made([0.0, 0.1, 3600.2, 3600.3, 0.4, 0.5, 0.5]))
    assert (line.steps_back, line.jumps) == (2, 1)
    assert line.seconds == pytest.approx((0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6))


def test_a_camera_that_fell_silent_for_a_while_did_not_jump() -> None:
    arrivals = made([0.0, 0.1, 5.2, 5.3], late=[0, 0, 5, 5])
    assert mended(arrivals).jumps == 0
    assert mended(arrivals, is_live=False).jumps == 1, "of a file, arrival says nothing"


def test_a_picture_every_few_seconds_is_no_jump() -> None:
    assert mended(made([0.0, 5.0, 10.0, 15.0]), is_live=False).jumps == 0


def test_without_time_stamps() -> None:
    arrivals = made([None] * 4)
    assert mended(arrivals).seconds == pytest.approx((0, 0.1, 0.2, 0.3))
    assert mended(arrivals, is_live=False).seconds == pytest.approx((0, 0.04, 0.08, 0.12))
    assert mended([]) == Timeline((), 0, 0)


def test_jitter_is_how_much_later_pictures_come_than_the_quickest() -> None:
    late = [0.05 if i % 5 == 0 else 0.0 for i in range(50)]
    beat = rhythm(arrivals := made(steady(50), late=late), mended(arrivals), is_live=True)
    assert beat.has_time_stamps
    assert beat.jitter_milliseconds == pytest.approx(50)
    assert beat.delay_growth_milliseconds == pytest.approx(0, abs=1)


def test_rare_lateness_is_no_jitter() -> None:
    late = [0.5 if i == 20 else 0.0 for i in range(50)]
    beat = rhythm(arrivals := made(steady(50), late=late), mended(arrivals), is_live=True)
    assert beat.jitter_milliseconds == pytest.approx(0, abs=1)


def test_a_delay_that_grows_is_told_from_jitter() -> None:
    late = [0.02 * i for i in range(60)]
    beat = rhythm(arrivals := made(steady(60), late=late), mended(arrivals), is_live=True)
    assert beat.delay_growth_milliseconds == pytest.approx(0.02 * 59 * 1000)
    assert beat.jitter_milliseconds == pytest.approx(0, abs=1)


def test_jitter_without_time_stamps_is_that_of_the_gaps() -> None:
    late = [0.03 if i % 4 == 0 else 0.0 for i in range(60)]
    beat = rhythm(arrivals := made([None] * 60, late=late), mended(arrivals), is_live=True)
    assert not beat.has_time_stamps
    assert beat.jitter_milliseconds == pytest.approx(30)
    assert beat.delay_growth_milliseconds is None


def test_neither_files_nor_few_packets_have_jitter() -> None:
    arrivals = made(steady(60))
    assert rhythm(arrivals, mended(arrivals), is_live=False).jitter_milliseconds is None
    assert rhythm(arrivals[:5], mended(arrivals[:5]), is_live=True).jitter_milliseconds is None


@pytest.mark.parametrize(("share", "expected"), [(0.95, 95), (0.5, 50), (1.0, 100), (0.0, 1)])
def test_percentile(share: float, expected: float) -> None:
    assert percentile([float(i) for i in range(100, 0, -1)], share) == expected
