"""How many cameras does this machine carry? For docs/scaling.md.

    python -m benchmarks.scaling --json benchmarks/results/scaling.json      (about 5 minutes)
    python -m benchmarks.scaling --doc      (writes docs/scaling.md's tables from that file, in no time)

Cameras play ten seconds of the sample video, three faces in every frame, at their own speed, and drop what comes too
late, as cameras do (`maskcam bench --paced`). For each kind of camera their number grows until more than one frame in
ten is dropped. Every run is a process of its own. Network and what is written do not count: `benchmarks.soak` and
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
from benchmarks.readme import RESULTS, ROOT, replace_table
from maskcam.benchmarking.machine import describe_machine

KINDS = {
    "1280x720, 10 fps": ((1280, 720), 10),
    "1280x720, 15 fps": ((1280, 720), 15),
    "1280x720, 25 fps": ((1280, 720), 25),
    "1920x1080, 10 fps": ((1920, 1080), 10),
}
NUMBERS = (1, 4, 8, 12, 16, 20, 24, 32)
MOST_DROPPED = 0.1
DOC = ROOT / "docs" / "scaling.md"

CAMERAS = 10_000
CAMERA_FPS, CAMERA_MEGABITS = 15, 2.0
VIOLATIONS_A_DAY = 20
"""Of one camera: an assumption."""
PICTURES_KB, CLIP_SECONDS = 160, 14
"""Of one violation, as `maskcam process samples/demo.mp4 --store` keeps it: 1280x720, JPEG."""
COUNT_BYTES, EVENT_BYTES = 300, 1000
"""On the wire: the count of one minute, one violation with its changes; rounded up."""
GPU_FPS = 64 * 25
"""Frames per second of one card: what the project asks of itself, not measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--doc", action="store_true", help="only write the tables")
    args = parser.parse_args()
    if args.doc:
        DOC.write_text(with_figures(DOC.read_text(encoding="utf-8")), encoding="utf-8")
        return
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


def with_figures(text: str) -> str:
    """The text of docs/scaling.md with its tables made anew."""
    figures, fast = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("scaling", "fast"))
    text = replace_table(text, "carries", carries_table(figures))
    return replace_table(
        text, "plan", plan_table(figures, decode_fps=fast["fps"]["1280x720"]["decode"]["median"])
    )


def most(rows: list[dict[str, float]]) -> dict[str, float]:
    """The row with the most cameras that were not too many."""
    return [row for row in rows if row["dropped"] <= MOST_DROPPED][-1]


def carries_table(figures: dict[str, Any]) -> str:
    """How many cameras of each kind."""
    machine = figures["machine"]
    lines = [
        f"| {machine['processor']}, {machine['cores']:g} cores | cameras | per core | cores used "
        "| latency p99 | memory |",
        "|---|---|---|---|---|---|",
    ]
    for kind, rows in figures["cameras"].items():
        row = most(rows)
        lines.append(
            f"| {kind} | {row['cameras']} | {row['cameras'] / machine['cores']:g} | {row['cores']} "
            f"| {row['latency p99 ms']} ms | {row['memory MiB']} MiB |"
        )
    return "\n".join(lines)


def plan_table(figures: dict[str, Any], *, decode_fps: float) -> str:
    """The arithmetic of many cameras."""
    cores = figures["machine"]["cores"]
    per_core = most(figures["cameras"][f"1280x720, {CAMERA_FPS} fps"])["cameras"] / cores
    decode_ms = 1000 * cores / decode_fps
    violations = CAMERAS * VIOLATIONS_A_DAY / 86400
    clip_mb = CLIP_SECONDS * CAMERA_MEGABITS / 8 + PICTURES_KB / 1000
    wire_megabits = (CAMERAS / 60 * COUNT_BYTES + violations * EVENT_BYTES) * 8 / 1e6
    rows = [
        (
            "network, video pulled to one place",
            f"{CAMERAS} x {CAMERA_MEGABITS:g} Mbit/s",
            f"{CAMERAS * CAMERA_MEGABITS / 1000:g} Gbit/s",
        ),
        (
            "network, judged at the sites",
            f"{CAMERAS} counts a minute of {COUNT_BYTES} bytes, {violations:.1f} violations a second of {EVENT_BYTES}",
            f"{wire_megabits:.1f} Mbit/s",
        ),
        (
            "decoding on CPUs alone",
            f"{CAMERAS * CAMERA_FPS} frames a second x {decode_ms:.1f} ms",
            f"{CAMERAS * CAMERA_FPS * decode_ms / 1000:.0f} cores",
        ),
        (
            "all of it on CPUs, every camera busy",
            f"{CAMERAS} / {per_core:g} cameras per core",
            f"{CAMERAS / per_core:.0f} cores",
        ),
        ("the same with a third to spare", "x 1.5", f"{1.5 * CAMERAS / per_core:.0f} cores"),
        (
            "all of it on GPUs, if one carries 1600 frames a second",
            f"{CAMERAS * CAMERA_FPS} / {GPU_FPS}",
            f"{CAMERAS * CAMERA_FPS / GPU_FPS:.0f} cards",
        ),
        (
            "storage at the sites, a day",
            f"{VIOLATIONS_A_DAY} violations a camera x {clip_mb:.1f} MB (clip of {CLIP_SECONDS} s, pictures)",
            f"{CAMERAS * VIOLATIONS_A_DAY * clip_mb / 1e6:.2f} TB, {VIOLATIONS_A_DAY * clip_mb:.0f} MB a camera",
        ),
        (
            "rows in the central store, a day",
            f"{CAMERAS} x 1440 counts, {CAMERAS * VIOLATIONS_A_DAY} violations",
            f"{CAMERAS * 1440 / 1e6:.1f} million",
        ),
    ]
    return "\n".join(["| | how | makes |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])


if __name__ == "__main__":
    main()
