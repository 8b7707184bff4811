"""Runs the command line as a user would, inside the test's process: loading PyTorch anew takes seconds."""

import signal
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from unittest import mock

import av
import pytest

from maskcam.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "samples" / "demo.mp4"
STILLS = ROOT / "samples" / "stills"


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


def run_cli(capsys: pytest.CaptureFixture[str], *args: object) -> Outcome:
    """`maskcam ARGS`, with its exit code and its output."""
    capsys.readouterr()
    handler = signal.getsignal(signal.SIGTERM)
    code = 0
    try:
        # wide, so that no sentence is broken
        with (
            mock.patch.object(sys, "argv", ["maskcam", *map(str, args)]),
            mock.patch.dict("os.environ", COLUMNS="400"),
        ):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        signal.signal(signal.SIGTERM, handler)
    captured = capsys.readouterr()
    return Outcome(code, captured.out, captured.err)


def cut_clip(path: Path, *, first: int, count: int, source: Path = DEMO) -> Path:
    """Writes some frames of a clip as a clip of its own, 640 pixels wide."""
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for i, frame in enumerate(reader.decode(video=0)):
            if i >= first + count:
                break
            if i >= first:
                small = frame.reformat(640, 360, "yuv420p")
                small.pts, small.time_base = i - first, Fraction(1, 25)
                writer.mux(stream.encode(small))
        writer.mux(stream.encode(None))
    return path


def frame_count(video: Path) -> int:
    """Number of frames that decode."""
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))
