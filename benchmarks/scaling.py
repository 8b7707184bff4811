"""How many cameras does this machine carry? For docs/scaling.md.

    python -m benchmarks.scaling [--json benchmarks/results/scaling.json]      (about 4 minutes)

Cameras play ten seconds of the sample video, three faces in every frame, at their own speed, and drop what comes too
late, as cameras do (`maskcam bench --paced`). For each kind of camera their number grows until more than one frame in a
hundred is dropped. Every run is a process of its own. Network and what is written do not count: `benchmarks.soak` and
`benchmarks.serve_load` have them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.fast import make_clip
from maskcam.benchmarking.machine import describe_machine

KINDS = {
    "1280x720, 10 fps": ((1280, 720), 10),
    "1280x720, 15 fps": ((1280, 720), 15),
    "1280x720, 25 fps": ((1280, 720), 25),
    "1920x1080, 10 fps": ((1920, 1080), 10),
}
NUMBERS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)
MOST_DROPPED = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = {"machine": describe_machine().model_dump(), "cameras": {}}
    with TemporaryDirectory() as folder:
        for kind, (size_wh, fps) in KINDS.items():
            clip = make_clip(Path(folder) / f"{size_wh[1]}p{fps}.mp4", size_wh, frames=10 * fps, fps=fps)
            figures["cameras"][kind] = climb(clip, fps=fps, seconds=args.seconds)
            print(kind, json.dumps(figures["cameras"][kind]))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def climb(clip: Path, *, fps: int, seconds: float) -> list[dict[str, float]]:
    """One row for each number of cameras, the last one being too many."""
    rows: list[dict[str, float]] = []
    for number in NUMBERS:
        row = carry(clip, number, fps=fps, seconds=seconds)
        rows.append(row)
        if row["dropped"] > MOST_DROPPED:
            break
    return rows


def carry(clip: Path, cameras: int, *, fps: int, seconds: float) -> dict[str, float]:
    """What becomes of so many cameras."""
    command = [sys.executable, "-m", "maskcam", "bench", str(clip), "--cameras", str(cameras), "--paced"]
    command += ["--no-video", "--seconds", str(seconds), "--json", "-"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    (run,) = report["runs"]
    return {
        "cameras": cameras,
        "fps": round(run["fps"], 1),
        "dropped": round(max(0.0, 1 - run["fps"] / (cameras * fps)), 3),
        "cores": round(run["cpu_seconds"] / run["seconds"], 2),
        "latency p99 ms": round(run["latency_ms"]["p99"]),
        "memory MiB": round(run["memory_mib"]["steady"]),
    }


if __name__ == "__main__":
    main()
