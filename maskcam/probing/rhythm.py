"""What the arrival of packets says: rate, key frames, jitter, growing delay, faulty time stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from maskcam.probing.report import KeyFrames, Rhythm

_WAITED_SECONDS = 0.005
"""Whatever was gathered while the stream was opened is handed over at once; the first real wait ends it."""
_JUMP_SECONDS = 1.0
_JUMP_STEPS = 5
"""A camera that gives a picture every few seconds does not jump."""
_FEWEST = 12
"""Packets below which neither jitter nor growth say anything."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One packet, or one picture of a webcam.

    Attributes:
        seconds: when it was handed over, by `time.monotonic()`.
        stamp_seconds: its own time, that of decoding where there is one; None where it carries none.
        waited_seconds: for it.
        byte_count: compressed.
        is_key: builds upon no other.
    """

    seconds: float
    stamp_seconds: float | None
    waited_seconds: float
    byte_count: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds of packets on a clock without faults, and how many faults were mended for it."""

    seconds: tuple[float, ...]
    steps_back: int
    jumps: int


def without_backlog(arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
    """The packets that were waited for: only their arrival says when they came."""
    for index, arrival in enumerate(arrivals):
        if index and arrival.waited_seconds > _WAITED_SECONDS:
            return arrivals[index:]
    return arrivals


def mend(arrivals: Sequence[Arrival], *, is_live: bool, usual_seconds: float) -> Timeline:
    """Counts the faults of time stamps, and mends them.

    Args:
        arrivals: in order.
        is_live: the time of arrival takes the place of a faulty stamp; in a file, the usual step does.
        usual_seconds: from one to the next, where stamps do not tell.
    """
    stamps = [arrival.stamp_seconds for arrival in arrivals]
    known = [later - sooner for sooner, later in pairwise(stamps) if sooner is not None and later is not None]
    usual_step = median([step for step in known if step > 0] or [usual_seconds])
    seconds, steps_back, jumps = [0.0], 0, 0
    for before, arrival in pairwise(arrivals):
        gap = arrival.seconds - before.seconds if is_live else 0.0
        step = gap if is_live else usual_step
        if before.stamp_seconds is not None and arrival.stamp_seconds is not None:
            stated = arrival.stamp_seconds - before.stamp_seconds
            if stated <= 0:
                steps_back += 1
            elif stated > max(gap + _JUMP_SECONDS, _JUMP_STEPS * usual_step):
                jumps += 1
            else:
                step = stated
        seconds.append(seconds[-1] + step)
    return Timeline(tuple(seconds[: len(arrivals)]), steps_back, jumps)


def rate(arrivals: Sequence[Arrival]) -> float | None:
    """Packets per second as they came."""
    if len(arrivals) < 2 or arrivals[-1].seconds <= arrivals[0].seconds:
        return None
    return (len(arrivals) - 1) / (arrivals[-1].seconds - arrivals[0].seconds)


def bit_rate(arrivals: Sequence[Arrival], timeline: Timeline) -> float | None:
    """Bits per second of the source's own time."""
    if len(arrivals) < 2 or timeline.seconds[-1] <= 0:
        return None
    return 8 * sum(arrival.byte_count for arrival in arrivals[1:]) / timeline.seconds[-1]


def key_frames(arrivals: Sequence[Arrival], timeline: Timeline) -> KeyFrames:
    """How often a key frame comes.

    A time without one that the start or the end of the probe cuts off counts as far as it was seen.
    """
    at = [seconds for arrival, seconds in zip(arrivals, timeline.seconds, strict=True) if arrival.is_key]
    gaps = [later - sooner for sooner, later in pairwise(at)]
    if len(arrivals) < 2:
        return KeyFrames(len(at), None, None, longest_is_open=False)
    end = timeline.seconds[-1]
    open_gap = max(at[0], end - at[-1]) if at else end
    longest = max([open_gap, *gaps])
    return KeyFrames(
        count=len(at),
        mean_seconds=sum(gaps) / len(gaps) if gaps else None,
        longest_seconds=longest,
        longest_is_open=longest not in gaps,
    )


def rhythm(arrivals: Sequence[Arrival], timeline: Timeline, *, is_live: bool) -> Rhythm:
    """Jitter, growth of the delay and faults of the time stamps.

    Args:
        arrivals: without the backlog.
        timeline: `mend` of them.
        is_live: the arrival of what a file holds says nothing.
    """
    stamped = any(arrival.stamp_seconds is not None for arrival in arrivals)
    jitter = growth = None
    if is_live and len(arrivals) >= _FEWEST:
        jitter, growth = _lateness(arrivals, timeline) if stamped else (_unevenness(arrivals), None)
    return Rhythm(stamped, jitter, growth, timeline.steps_back, timeline.jumps)


def _lateness(arrivals: Sequence[Arrival], timeline: Timeline) -> tuple[float, float]:
    """Milliseconds of jitter and of growth.

    Growth is that of the median from the first to the last third: a single stall does not bend it, as it would bend a
    line fitted to all.
    """
    since = [arrival.seconds - arrivals[0].seconds for arrival in arrivals]
    late = [own - stated for own, stated in zip(since, timeline.seconds, strict=True)]
    third = len(late) // 3
    climb = median(late[-third:]) - median(late[:third])
    span = median(since[-third:]) - median(since[:third])
    slope = climb / span if span > 0 else 0.0
    level = [lateness - slope * seconds for lateness, seconds in zip(late, since, strict=True)]
    return 1000 * (percentile(level, 0.95) - min(level)), 1000 * slope * since[-1]


def _unevenness(arrivals: Sequence[Arrival]) -> float:
    """Milliseconds by which gaps differ from the usual one."""
    gaps = [later.seconds - sooner.seconds for sooner, later in pairwise(arrivals)]
    usual = median(gaps)
    return 1000 * percentile([abs(gap - usual) for gap in gaps], 0.95)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
