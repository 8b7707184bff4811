"""Speed of `maskcam process` on the demo clip (1280x720, three faces): frames per second and milliseconds per stage.

    python benchmarks/process_speed.py [--runs 3]

Next to it, in the same run: decoding alone, and decoding and encoding with the same settings but without any analysis.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from maskcam.config_sections import RecordingConfig
from maskcam.sinks.video import VideoSink
from maskcam.sources import open_source
from maskcam.types import FrameResult

CLIP = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    runs = [one_run() for _ in range(args.runs)]
    print(
        f"{processor()}, {os.cpu_count()} cores; Python {platform.python_version()}; median of {args.runs} runs"
    )
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    for name, value in middle.items():
        print(f"  {name:28} {value:8.2f}")
    if args.json:
        args.json.write_text(json.dumps({"machine": processor(), **middle}, indent=2))


def one_run() -> dict[str, float]:
    """One figure of each kind, taken one after another, so that their ratios hold on a noisy machine."""
    with tempfile.TemporaryDirectory() as folder:
        bare = decode_fps()
        coded = decode_and_encode_fps(Path(folder) / "copy.mp4")
        command = [sys.executable, "-m", "maskcam", "process", str(CLIP), "-o", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report: dict[str, Any] = json.loads((Path(folder) / "summary.json").read_text())["inputs"][0]
    stages = {
        f"ms {stage}": 1000 * seconds / report["frames"] for stage, seconds in report["stage_seconds"].items()
    }
    return {
        "process fps": report["fps"],
        "decode only fps": bare,
        "decode + encode fps": coded,
        "process / (decode + encode)": report["fps"] / coded,
        **stages,
    }


def decode_fps() -> float:
    start = time.perf_counter()
    with open_source(str(CLIP)) as source:
        count = sum(1 for _ in source)
    return count / (time.perf_counter() - start)


def decode_and_encode_fps(path: Path) -> float:
    recording = RecordingConfig()
    count = 0
    start = time.perf_counter()
    with (
        open_source(str(CLIP)) as source,
        VideoSink(path, audio_from=CLIP, crf=recording.crf, preset=recording.preset) as sink,
    ):
        for frame in source:
            sink.write(FrameResult(frame, ()), frame.image)
            count += 1
    return count / (time.perf_counter() - start)


def processor() -> str:
    """The processor's name as the system gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
