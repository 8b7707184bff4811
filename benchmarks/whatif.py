"""What other settings would have logged, over a month of tracks; and what it costs to take the tracks down.

    python -m benchmarks.whatif [--tracks 100000] [--json FILE]

Tracks of 1 to 30 stretches, 7 on average, of ten cameras over 30 days are written into an SQLite store, read back, and
followed at 24 pairs of threshold and dwell time; by the clock, and in processor time, which does not grow when other
programs are busy. Then frames with 20 people each, one in five of whom changes status
every second, go through what a step of the pipeline waits for.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.process_speed import processor
from maskcam.sinks.heat import HeatCounter
from maskcam.sinks.scores import TrackScorer
from maskcam.store.observations import RUNS, TrackScores
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, MaskStatus
from maskcam.whatif import Rule, replay
from tests.factories import make_frame, make_track

SINCE = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 30
PEOPLE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures = {"machine": f"{processor()}, {os.cpu_count()} cores", **measure(args.tracks), **take_down()}
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(count: int) -> dict[str, float]:
    """Writing, reading and following, in seconds."""
    with tempfile.TemporaryDirectory() as folder, EventStore.open(Path(folder) / "events.db") as store:
        rest, start = made(count), time.perf_counter()
        while part := list(islice(rest, 2000)):
            store.record(part)
        written = time.perf_counter() - start
        start, begun = time.perf_counter(), time.process_time()
        tracks = store.tracks(since=SINCE, until=SINCE + timedelta(days=DAYS + 1))
        read, read_busy = time.perf_counter() - start, time.process_time() - begun
        seconds, busy = [], []
        for threshold in (0.3, 0.5, 0.6, 0.7, 0.8, 0.95):
            for dwell in (0.5, 1.0, 3.0, 10.0):
                start, begun = time.perf_counter(), time.process_time()
                replay(tracks, Rule(threshold=threshold, dwell_seconds=dwell))
                seconds.append(time.perf_counter() - start)
                busy.append(time.process_time() - begun)
        size = (Path(folder) / "events.db").stat().st_size
    return {
        "tracks": tracks.tracks,
        "stretches": len(tracks.runs),
        "megabytes": round(size / 1e6, 1),
        "write_seconds": round(written, 2),
        "read_seconds": round(read, 3),
        "read_processor_seconds": round(read_busy, 3),
        "replay_seconds_median": round(statistics.median(seconds), 3),
        "replay_seconds_longest": round(max(seconds), 3),
        "replay_processor_seconds_median": round(statistics.median(busy), 3),
    }


def take_down(frames: int = 2000) -> dict[str, float]:
    """Microseconds of a step, per frame."""
    scorer, heat = TrackScorer("0" * 32), HeatCounter("0" * 32)
    results = [result(index) for index in range(frames)]
    start = time.process_time()
    for one in results:
        list(scorer.see(one))
        list(heat.add(one))
    return {
        "people": PEOPLE,
        "microseconds_per_frame": round(1e6 * (time.process_time() - start) / frames, 1),
    }


def result(index: int) -> FrameResult:
    frame = replace(make_frame(index=index), captured_seconds=index / 25)
    tracks = [
        make_track(status=MaskStatus.NO_MASK if (n + index // 25) % 5 else MaskStatus.MASK, track_id=n)
        for n in range(1, PEOPLE + 1)
    ]
    return FrameResult(frame, tuple(tracks))


def made(count: int) -> Iterator[TrackScores]:
    rng = random.Random(7)
    for number in range(count):
        started = SINCE + timedelta(days=DAYS) * (number / count)
        rows, at = [], 0
        for _ in range(min(30, 1 + round(rng.expovariate(1 / 6)))):
            last = at + rng.randrange(200, 6000)
            rows.append(
                (at, last, rng.randrange(20, 120), rng.choice((0, 0, 1, 1, 2, 3)), rng.randrange(200))
            )
            at = last + 40
        yield TrackScores(
            run_id="0" * 32,
            camera=f"camera {number % 10}",
            track_id=number,
            started_ms=round(1000 * started.timestamp()),
            number=None,
            runs=np.array(rows, RUNS).tobytes(),
        )


if __name__ == "__main__":
    main()
