"""The event store under load: rows per second, and what its sink adds to a step.

    python -m benchmarks.store [--seconds 60] [--json FILE]

Into SQLite and into PostgreSQL (a server of its own on this machine, fsync on): first rows as fast as they go, in
batches of 500; then 10,000 violations a minute through the sink, 25 frames of 1280x720 a second with 20 people in each,
every violation started with its two pictures and ended 2 s later. `write` is timed for
every frame: by the clock, and by the processor time of its thread, which does not grow when other programs are busy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process_speed import processor
from maskcam.sinks.store import StoreSink
from maskcam.store.records import StoredTransition, ViolationRecord
from maskcam.store.store import EventStore
from maskcam.types import FrameResult, MaskStatus, Transition, ViolationPhase
from tests.factories import make_frame, make_image, make_result, make_track, make_violation
from tests.postgres import running_server

PER_MINUTE = 10_000
FPS = 25
ROWS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = {"machine": f"{processor()}, {os.cpu_count()} cores", "seconds": args.seconds}
    with tempfile.TemporaryDirectory() as folder:
        figures["sqlite"] = measure(Path(folder) / "events.db", Path(folder) / "media", seconds=args.seconds)
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        figures["postgresql"] = measure(server.new_url(), Path(folder) / "media", seconds=args.seconds)
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(target: str | Path, media: Path, *, seconds: float) -> dict[str, float]:
    with EventStore.open(target, media=media) as store:
        start = time.perf_counter()
        for first in range(0, ROWS, 500):
            store.record(record(number) for number in range(first, first + 500))
        rows_per_second = ROWS / (time.perf_counter() - start)
        before = store.totals()
    milliseconds, busy_milliseconds, load_seconds, violations = under_load(target, media, seconds=seconds)
    with EventStore.open(target, media=media) as store:
        stored = store.totals().violations - before.violations
        with_pictures = sum(1 for _ in store.files()) // 2
    return {
        "rows per second": round(rows_per_second),
        "violations a minute": round(60 * violations / load_seconds),
        "violations handed over": violations,
        "violations stored": stored,
        "of these with pictures": with_pictures,
        "write ms, p50": round(float(np.percentile(milliseconds, 50)), 3),
        "write ms, p99": round(float(np.percentile(milliseconds, 99)), 3),
        "write ms, max": round(max(milliseconds), 3),
        "write ms of processor time, p99": round(float(np.percentile(busy_milliseconds, 99)), 3),
    }


def record(number: int) -> ViolationRecord:
    now = datetime.now(UTC)
    return ViolationRecord(
        run_id="0" * 32,
        camera=f"camera {number % 8}",
        number=number,
        revision=number,
        track_id=number,
        status=MaskStatus.NO_MASK,
        started_at=now,
        ended_at=now,
        started_seconds=1.0,
        ended_seconds=2.0,
        box_xyxy=(1.0, 2.0, 3.0, 4.0),
        transitions=(StoredTransition(MaskStatus.NO_MASK, now, now, 1.0, 2.0),),
    )


def under_load(
    target: str | Path, media: Path, *, seconds: float
) -> tuple[list[float], list[float], float, int]:
    """Milliseconds of every `write`, by the clock and by the processor; seconds of all of it; violations."""
    milliseconds, busy_milliseconds = [], []
    frames = make_results(seconds)
    picture = make_image((1280, 720), seed=1)
    start = time.perf_counter()
    with StoreSink(EventStore.open(target, media=media), run_id=uuid.uuid4().hex) as sink:
        for number, result in enumerate(frames):
            time.sleep(max(0.0, start + number / FPS - time.perf_counter()))
            fresh = replace(result, frame=replace(result.frame, captured_seconds=time.monotonic()))
            before, busy_before = time.perf_counter(), time.thread_time()
            sink.write(fresh, picture if sink.wants_picture(fresh) else None)
            milliseconds.append(1000 * (time.perf_counter() - before))
            busy_milliseconds.append(1000 * (time.thread_time() - busy_before))
        took = time.perf_counter() - start
    started = sum(v.phase is ViolationPhase.STARTED for result in frames for v in result.violations)
    return milliseconds, busy_milliseconds, took, started


def make_results(seconds: float) -> list[FrameResult]:
    image = make_image((1280, 720))
    tracks = tuple(make_track(track_id=number) for number in range(20))
    results = []
    count = 0
    for number in range(round(seconds * FPS)):
        new = range(count, round((number + 1) * PER_MINUTE / 60 / FPS))
        count += len(new)
        started = [make_violation(violation_id=1 + i, track_id=1 + i) for i in new]
        results.append(make_result(make_frame(image=image, index=number), tracks, tuple(started)))
    for number, result in enumerate(results[:-50]):
        ended = tuple(
            replace(
                make_violation(ViolationPhase.ENDED, violation_id=v.violation_id, track_id=v.track_id),
                transitions=(Transition(MaskStatus.NO_MASK, 1.25, 3.25), Transition(MaskStatus.MASK, 3.25)),
            )
            for v in result.violations
            if v.phase is ViolationPhase.STARTED
        )
        later = results[number + 50]
        results[number + 50] = replace(later, violations=(*later.violations, *ended))
    return results


if __name__ == "__main__":
    main()
