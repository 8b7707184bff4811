"""`maskcam process --cluster`: equal to a run on one machine? how fast beside it? and when a worker is killed?

    python -m benchmarks.cluster                  # ten minutes of video: some minutes
    python -m benchmarks.cluster --minutes 3 --recordings 4 --json results.json

The sample video is repeated without being encoded anew. One recording is cut into parts of a minute, for there are more
workers than recordings; several are worked on whole. Each run is a `maskcam process`
of its own without annotated video, start and end included, as a user waits for it. The run on one machine has both
cores, too: it decodes, looks and judges side by side. Exit code 0 only when the events and the cut-out faces of all
runs are the same, byte for byte, and the work of the killed process was done again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from rich.console import Console
from rich.table import Table

from maskcam.benchmarking.machine import describe_machine

_ROOT = Path(__file__).resolve().parents[1]
_DEMO = _ROOT / "samples" / "demo.mp4"
_WORKERS = 2
_FOREVER_SECONDS = 900


@dataclass(frozen=True)
class Turn:
    """One run of the command.

    Attributes:
        seconds: from start to end.
        said: its output.
        results: what must be the same whoever made it: a file's name to its content.
        frames: of all recordings.
    """

    seconds: float
    said: str
    results: dict[str, bytes]
    frames: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of video, in each recording")
    parser.add_argument("--recordings", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--note", help="what else the machine was doing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [loop(_DEMO, folder / f"clip{i}.mp4", minutes=args.minutes) for i in range(args.recordings)]
        half = max(1, int((args.minutes if args.recordings < _WORKERS else args.recordings) / 2))
        cluster = ("--cluster", f"local:{_WORKERS}")
        turns = {
            "no cluster": run(clips, folder / "alone"),
            f"{_WORKERS} workers": run(clips, folder / "workers", *cluster),
            f"{_WORKERS} workers, one killed": run(clips, folder / "killed", *cluster, kills_after=half),
        }
        idle = run(clips, folder / "workers", *cluster)  # finds everything done
    alone = turns["no cluster"]
    figures = {
        "machine": describe_machine().model_dump(mode="json"),
        "note": args.note,
        "minutes": args.minutes,
        "recordings": args.recordings,
        "frames": alone.frames,
        "events": sum(data.count(b"\n") for name, data in alone.results.items() if name.endswith(".jsonl")),
        "seconds with nothing to do": round(idle.seconds, 1),
        "runs": {
            name: {
                "seconds": round(turn.seconds, 1),
                "fps": round(turn.frames / turn.seconds, 1),
                "speedup": round(alone.seconds / turn.seconds, 2),
                "efficiency": None if turn is alone else round(alone.seconds / turn.seconds / _WORKERS, 2),
                "tasks done again": turn.said.count("is done again"),
                "equal": turn.results == alone.results,
            }
            for name, turn in turns.items()
        },
    }
    show(figures)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    is_repeated = turns[f"{_WORKERS} workers, one killed"].said.count("is done again") > 0
    raise SystemExit(0 if is_repeated and all(run["equal"] for run in figures["runs"].values()) else 1)


def loop(clip: Path, to: Path, *, minutes: float) -> Path:
    """Writes a clip again and again, its packets as they are."""
    with av.open(str(clip)) as reader, av.open(str(to), "w") as writer:
        source = reader.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in reader.demux(source) if p.size]
        target = writer.add_stream_from_template(source)
        tick = source.time_base
        assert tick is not None
        assert source.duration is not None
        for turn in range(-int(-minutes * 60 // float(source.duration * tick))):
            for data, pts, dts, is_key in packets:
                packet = av.Packet(data)
                assert pts is not None
                assert dts is not None
                packet.stream, packet.time_base, packet.is_keyframe = target, tick, is_key
                packet.pts, packet.dts = pts + turn * source.duration, dts + turn * source.duration
                writer.mux(packet)
    return to


def run(clips: list[Path], output: Path, *flags: str, kills_after: int = 0) -> Turn:
    """Runs the command line; one process of it is killed as soon as so many parts or recordings are done."""
    command = [
        sys.executable,
        "-m",
        "maskcam",
        "process",
        *map(str, clips),
        "-o",
        str(output),
        "--no-video",
        *flags,
    ]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    if kills_after:
        kill_a_worker(process, output, after=kills_after)
    said, _ = process.communicate(timeout=_FOREVER_SECONDS)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise RuntimeError(said)
    kept = [*output.glob("*.events.jsonl"), *output.glob("*.snapshots/faces/*")]
    reports = json.loads((output / "summary.json").read_text())["inputs"]
    results = {str(path.relative_to(output)): path.read_bytes() for path in kept}
    return Turn(seconds, said, results, sum(report["frames"] for report in reports))


def kill_a_worker(process: subprocess.Popen[str], output: Path, *, after: int) -> None:
    """Waits until so many parts or recordings are done, and kills a process that works on another."""
    done = (".parts/*/*/*.npz", ".parts/*/*.json")
    while sum(len(list(output.glob(one))) for one in done) < after and process.poll() is None:
        time.sleep(0.1)
    workers = [
        pid for pid in descendants(process.pid) if b"ray::_do" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found, before = {pid}, set[int]()
    while found != before:
        before, found = found, found | {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def show(figures: dict[str, Any]) -> None:
    """Prints the runs as a table, and everything as JSON."""
    columns = ["seconds", "fps", "speedup", "efficiency", "tasks done again", "equal"]
    table = Table("run", *columns, title="`maskcam process --no-video`")
    for name, row in figures["runs"].items():
        table.add_row(name, *(str(row[column]) for column in columns))
    Console().print(table)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
