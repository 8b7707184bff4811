"""Is maskcam fast? Beside the program from tutorials, and beside what decoding and encoding alone take.

    python -m benchmarks.fast [--json benchmarks/results/fast.json]      (6 to 8 minutes on two cores)

Two clips of ten seconds with three faces in every frame are made from the sample video, 1280x720 and 1920x1080. Every
program (`benchmarks/programs.py`) has a process of its own and the machine to itself while it is its turn; turns go
round (A B C A B C ...), since machines are not equally fast from minute to minute. A figure is the median of its
rounds, with the least and the most; a ratio is the median of the rounds' own ratios.

Then start-up, in fresh processes with a warm disk, and memory: the most that `process` holds, and how it goes on over
`--memory-minutes`, of which the first half fills caches and does not count. `targets` says which aims are reached.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from benchmarks import programs
from benchmarks.programs import Turn
from maskcam.benchmarking.machine import describe_machine
from maskcam.devices import share_cores

DEMO = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"
SIZES = {"1280x720": (1280, 720), "1920x1080": (1920, 1080)}
FIRST_FRAME, FRAMES = 104, 250
"""Of the sample video: from here on all three people are there."""
WARM_UP_FRAMES = 40
_MOST_LOAD = 0.5
"""Of other programs: PyTorch's threads wait for each other by spinning, and on a busy machine the tutorial's program
comes down to a frame in some seconds."""
TUTORIALS = ("tutorial, yunet", "tutorial, mediapipe")
MODELS = Path("../shared/pretrained")

Program = Callable[[Path, float], Turn]
Rounds = dict[str, list[Turn]]
"""By the program's name."""


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the programs' processes would stay behind
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn, at least")
    parser.add_argument("--memory-minutes", type=float, default=1.0)
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the tutorials' detectors")
    parser.add_argument("--note", default="", help="kept with the figures")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    if load > _MOST_LOAD:
        print(f"this machine is busy (load {load:.1f}): the figures will not hold", file=sys.stderr)
    figures: dict[str, Any] = {
        "machine": describe_machine().model_dump(),
        "note": args.note,
        "load before": round(load, 2),
        "rounds": args.rounds,
    }
    with TemporaryDirectory() as folder:
        clips = {name: make_clip(Path(folder) / f"{name}.mp4", size) for name, size in SIZES.items()}
        with ExitStack() as stack:
            pools = {name: Pool(stack, program) for name, program in all_programs(args.models).items()}
            rounds = {
                name: run_rounds(pools, clip, rounds=args.rounds, seconds=args.seconds)
                for name, clip in clips.items()
            }
        figures["fps"] = {name: speeds(turns) for name, turns in rounds.items()}
        figures["ratios"] = {name: ratios(turns) for name, turns in rounds.items()}
        one = make_clip(Path(folder) / "one.mp4", SIZES["1280x720"], frames=1)
        figures["start-up seconds"] = start_up(one)
        figures["memory"] = memory(clips["1280x720"], minutes=args.memory_minutes)
    figures["targets"] = targets(figures)
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def all_programs(models: Path) -> dict[str, Program]:
    return {
        "decode": programs.decode,
        "decode to BGR": programs.decode_to_bgr,
        "encode": programs.encode,
        "decode + encode": programs.decode_and_encode,
        "decode to BGR + encode": programs.decode_and_encode_bgr,
        **{
            f"{name}{', with writer' * writes}": partial(
                programs.tutorial, detector=name.rpartition(" ")[2], models=models, writes=writes
            )
            for name in TUTORIALS
            for writes in (False, True)
        },
        "maskcam, analysis": partial(programs.process, video=False),
        "maskcam, process": partial(programs.process, video=True),
    }


class Pool:
    """One program in a process of its own, which waits while it is not its turn."""

    def __init__(self, stack: ExitStack, program: Program) -> None:
        self._program = program
        self._process = stack.enter_context(
            ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                # as the command line does; the tutorials' program knows nothing of it
                initializer=share_cores if getattr(program, "func", None) is programs.process else None,
            )
        )

    def run(self, clip: Path, seconds: float) -> Turn:
        """Raises FileNotFoundError where a model is missing."""
        return self._process.submit(self._program, clip, seconds).result()


def run_rounds(pools: dict[str, Pool], clip: Path, *, rounds: int, seconds: float) -> Rounds:
    """Every program in turn, again and again; those whose models are missing are left out, and named."""
    width_height = SIZES[clip.stem]
    warm_up = make_clip(clip.with_stem(f"{clip.stem} warm-up"), width_height, frames=WARM_UP_FRAMES)
    turns: Rounds = {}
    for name, pool in pools.items():
        try:
            pool.run(warm_up, 1.0)
            turns[name] = []
        except FileNotFoundError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
    for number in range(rounds):
        for name, done in turns.items():
            done.append(pools[name].run(clip, seconds))
            print(f"{clip.stem}, round {number + 1}: {name}: {done[-1].fps:.1f} fps", file=sys.stderr)
    return turns


def speeds(turns: Rounds) -> dict[str, dict[str, float]]:
    figures = {}
    for name, done in turns.items():
        fps = [turn.fps for turn in done]
        figures[name] = {
            "median": round(statistics.median(fps), 1),
            "least": round(min(fps), 1),
            "most": round(max(fps), 1),
        }
        faces = [turn.faces for turn in done if turn.faces is not None]
        if faces:
            figures[name]["faces"] = round(statistics.median(faces), 2)
    return figures


def ratios(turns: Rounds) -> dict[str, float]:
    """Each within a round. `tutorial` is the faster of those that ran: the harder one to beat."""

    def fps(name: str, number: int) -> float:
        return turns[name][number].fps

    def median(ratio: Callable[[int], float]) -> float:
        return round(statistics.median(ratio(i) for i in range(len(turns["decode"]))), 2)

    figures = {
        "process / (decode + encode)": median(
            lambda i: fps("maskcam, process", i) / fps("decode + encode", i)
        ),
        "process / (decode to BGR + encode)": median(
            lambda i: fps("maskcam, process", i) / fps("decode to BGR + encode", i)
        ),
        "analysis / decode": median(lambda i: fps("maskcam, analysis", i) / fps("decode", i)),
    }
    ran = [name for name in TUTORIALS if name in turns]
    if ran:
        figures["analysis / tutorial"] = median(
            lambda i: fps("maskcam, analysis", i) / max(fps(name, i) for name in ran)
        )
        figures["process / tutorial with writer"] = median(
            lambda i: fps("maskcam, process", i) / max(fps(f"{name}, with writer", i) for name in ran)
        )
    return figures


def start_up(one_frame: Path) -> dict[str, float]:
    """Whole runs of fresh processes; `process` of one frame ends a little after its first result."""
    with TemporaryDirectory() as folder:
        commands = {"maskcam --help": ["--help"], "process, one frame": ["process", one_frame, "-o", folder]}
        figures = {}
        for name, arguments in commands.items():
            seconds = []
            for _ in range(4):
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "maskcam", *arguments], check=True, stdout=subprocess.DEVNULL
                )
                seconds.append(time.perf_counter() - start)
            figures[name] = round(statistics.median(seconds[1:]), 2)  # the first warms the disk
    return figures


def memory(clip: Path, *, minutes: float) -> dict[str, float]:
    """MiB: the most that `maskcam process` holds with video and without, and a slope over a long analysis."""
    figures: dict[str, float] = {}
    for name, flag in {"process, peak": "--video", "analysis, peak": "--no-video"}.items():
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "maskcam", "process", str(clip), "-o", folder, flag]
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"maskcam process ended with {child.returncode}")
        figures[name] = round(usage.ru_maxrss / 1024)
    with ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), initializer=share_cores
    ) as pool:
        seen = pool.submit(programs.remember, clip, 60 * minutes).result()
    samples = seen["samples"]
    late = np.array(samples[len(samples) // 2 :])
    figures["analysis for a while, minutes"] = minutes
    figures["its frames"] = seen["frames"]
    figures["its growth per 1000 frames"] = round(
        float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) * 60 * minutes / seen["frames"] * 1000, 3
    )
    return figures


def targets(figures: dict[str, Any]) -> dict[str, dict[str, float | bool | None]]:
    """What was asked for, and what came of it; None where it could not be measured."""
    hd, full_hd = (figures["fps"][name]["maskcam, analysis"]["median"] for name in SIZES)
    hd_ratios = figures["ratios"]["1280x720"]
    least: dict[str, tuple[float | None, float]] = {
        "analysis, 1280x720, frames per second": (hd, 200),
        "analysis, 1920x1080, frames per second": (full_hd, 120),
        "analysis / tutorial, 1280x720": (hd_ratios.get("analysis / tutorial"), 10),
        "process / tutorial with writer, 1280x720": (hd_ratios.get("process / tutorial with writer"), 3.5),
        "process / (decode to BGR + encode), 1280x720": (
            hd_ratios["process / (decode to BGR + encode)"],
            0.65,
        ),
    }
    most = {
        "maskcam --help, seconds": (figures["start-up seconds"]["maskcam --help"], 0.5),
        "process of one frame from its start, seconds": (
            figures["start-up seconds"]["process, one frame"],
            1.5,
        ),
        "memory of process, MiB": (figures["memory"]["process, peak"], 800),
    }
    judged: dict[str, dict[str, float | bool | None]] = {}
    for name, (figure, bound) in least.items():
        judged[name] = {
            "figure": figure,
            "at least": bound,
            "reached": None if figure is None else figure >= bound,
        }
    for name, (figure, bound) in most.items():
        judged[name] = {"figure": figure, "at most": bound, "reached": figure <= bound}
    return judged


def make_clip(path: Path, size_wh: tuple[int, int], *, frames: int = FRAMES, fps: int = 25) -> Path:
    """Part of the sample video at this size; at fewer frames per second than its 25 the same frames take longer."""
    with av.open(str(DEMO)) as reader, av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        for i, frame in enumerate(islice(reader.decode(video=0), FIRST_FRAME, FIRST_FRAME + frames)):
            scaled = frame.reformat(*size_wh, format="yuv420p", interpolation="BICUBIC")
            scaled.pts, scaled.time_base = i, Fraction(1, fps)
            scaled.pict_type = programs.PictureType.NONE
            writer.mux(stream.encode(scaled))
        writer.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()
