"""What clips of violations cost the thread that takes steps, and what they cost in all.

    python -m benchmarks.violation_clips [--seconds 30] [--json FILE]

Through the event store's sink go 25 frames of 1280x720 a second, with a violation of 2 s every 3 s: without clips, with
clips out of what the camera has encoded, and with clips that are encoded here. `write` is timed for every frame: by the
clock, and by the processor time of its thread, which does not grow when other programs are busy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import uuid
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process_speed import processor
from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.store import StoreSink
from maskcam.sources import open_source
from maskcam.store.store import EventStore
from maskcam.types import EncodedPicture, FrameResult, ViolationPhase
from tests.factories import make_frame, make_result, make_track, make_violation

FPS = 25
DEMO = Path(__file__).parents[1] / "samples" / "demo.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = {"machine": f"{processor()}, {os.cpu_count()} cores", "seconds": args.seconds}
    for name, clips, copies in (
        ("without clips", None, True),
        ("copied", ClipOptions(), True),
        ("encoded", ClipOptions(), False),
    ):
        figures[name] = measure(results(args.seconds, copies=copies), clips)
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def results(seconds: float, *, copies: bool) -> list[FrameResult]:
    """The demo clip over and over, with violations that it knows nothing of."""
    with open_source(str(DEMO)) as source:
        frames = list(source)[:FPS]
    found: list[FrameResult] = []
    for number, shown in zip(range(round(seconds * FPS)), cycle(frames), strict=False):
        at = number / FPS
        frame = make_frame(image=shown.image, index=number, pts_seconds=at)
        if copies:
            encoded = (EncodedPicture(b"\0\0\0\1" + bytes(12_000), at, is_key=number % FPS == 0),)
            if shown.encoded:
                encoded = tuple(replace(picture, pts_seconds=at) for picture in shown.encoded[:1])
            frame = replace(frame, encoded=encoded)
        person, phase = divmod(number, 3 * FPS)
        violation = replace(make_violation(violation_id=person + 1), started_seconds=3.0 * person)
        reports = {
            0: violation,
            2 * FPS: replace(violation, phase=ViolationPhase.ENDED, ended_seconds=at, is_best_view=False),
        }
        due = (reports[phase],) if phase in reports else ()
        found.append(make_result(frame, (make_track(),), due))
    return found


def measure(shown: list[FrameResult], clips: ClipOptions | None) -> dict[str, float]:
    milliseconds, busy_milliseconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        start, processor_start = time.perf_counter(), time.process_time()
        with StoreSink(
            EventStore.open(path),
            run_id=uuid.uuid4().hex,
            reserve_bytes=0,
            clips=clips,
            clips_reserve_bytes=0,
        ) as sink:
            for number, result in enumerate(shown):
                time.sleep(max(0.0, start + number / FPS - time.perf_counter()))
                fresh = replace(result, frame=replace(result.frame, captured_seconds=time.monotonic()))
                before, busy_before = time.perf_counter(), time.thread_time()
                sink.write(fresh, fresh.frame.image if sink.wants_picture(fresh) else None)
                milliseconds.append(1000 * (time.perf_counter() - before))
                busy_milliseconds.append(1000 * (time.thread_time() - busy_before))
        share = (time.process_time() - processor_start) / (time.perf_counter() - start)
        with EventStore.open(path) as store:
            found = store.violations()
    return {
        "violations": len(found),
        "of these with a clip": sum(violation.clip is not None for violation in found),
        "write ms, p50": round(float(np.percentile(milliseconds, 50)), 3),
        "write ms, p99": round(float(np.percentile(milliseconds, 99)), 3),
        "write ms of processor time, p99": round(float(np.percentile(busy_milliseconds, 99)), 3),
        "share of one core, all threads": round(share, 3),
    }


if __name__ == "__main__":
    main()
