import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maskcam.benchmarking.meter import Meter
from maskcam.benchmarking.report import BenchReport, Run
from maskcam.types import FrameResult, Image
from tests.cli import STILLS, Outcome, cut_clip, run_cli

FRAMES = 30
JUDGING = ("track", "crop", "classify", "vote", "blur")
IN_HAND = 10
"""Frames that are on their way when counting begins, part of their work already done."""
Bench = Callable[..., Outcome]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of the demo with all three people."""
    return cut_clip(tmp_path_factory.mktemp("bench") / "clip.mp4", first=140, count=FRAMES)


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    return lambda *args: run_cli(capsys, "bench", "--device", "cpu", "--size", 320, *args)


def stop_at_frame(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes with this frame."""
    write = Meter.write

    def write_and_stop(meter: Meter, result: FrameResult, picture: Image | None) -> None:
        write(meter, result, picture)
        if len(meter.notes) == count:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Meter, "write", write_and_stop)


def check_times(run: Run) -> None:
    """What happens one after another cannot take longer than the whole, nor a frame's own work than its latency."""
    own = {stage: spread.mean for stage, spread in run.stages_ms.items()}
    for stages in (("decode",), ("detect",), JUDGING, ("draw",), ("encode",)):
        in_turn_ms = sum(own.get(stage, 0.0) for stage in stages)
        assert in_turn_ms * (run.frames - IN_HAND) <= 1000 * run.seconds, stages
    assert run.latency_ms.p50 <= run.latency_ms.p99
    assert sum(own.values()) - own["decode"] <= run.latency_ms.mean + 0.1


def test_the_table_has_every_stage_without_and_with_video(clip: Path, bench: Bench) -> None:
    done = bench(clip)
    assert done.code == 0, done.err
    assert "clip.mp4, 640x360, 1 camera" in done.out
    assert "warm-up and not counted" in done.out
    rows = {line.split("│")[1].strip(): line for line in done.out.splitlines() if line.startswith("│")}
    assert {"frames per second", "capture to result", "decode", "detect", *JUDGING, "draw", "encode"} <= set(
        rows
    )
    assert [cell.strip() for cell in rows["frames counted"].split("│")[2:4]] == [str(FRAMES)] * 2
    without, with_video = (cell.strip() for cell in rows["encode"].split("│")[2:4])
    assert not without
    assert with_video


def test_json_holds_what_its_schema_says(clip: Path, bench: Bench) -> None:
    done = bench(clip, "--json", "-")
    assert done.code == 0, done.err
    report = BenchReport.model_validate_json(done.out)
    assert json.loads(done.out)["version"] == 1
    assert str(clip.parent) not in done.out
    assert report.detection_size == 320
    assert not report.interrupted
    assert [run.video for run in report.runs] == [False, True]
    for run in report.runs:
        assert (run.frames, run.dropped, run.cameras, run.input) == (FRAMES, 0, 1, "clip.mp4")
        assert run.fps == pytest.approx(run.frames / run.seconds, rel=0.02)
        assert run.fps_per_core == pytest.approx(run.frames / run.cpu_seconds, rel=0.02)
        assert run.faces > 1
        assert set(run.stages_ms) == {
            "decode",
            "detect",
            *JUDGING,
            *(("draw", "encode") if run.video else ()),
        }
        check_times(run)


def test_cameras_play_the_clip_at_the_same_time(clip: Path, bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    done = bench(clip, "--cameras", 2, "--no-video", "--json", file)
    assert done.code == 0, done.err
    assert "2 cameras" in done.out
    (run,) = BenchReport.model_validate_json(file.read_text()).runs
    assert (run.cameras, run.dropped, run.video) == (2, 0, False)
    assert FRAMES <= run.frames <= 2 * FRAMES  # one may run on alone while the other warms up
    assert set(run.stages_ms) == {"decode", "detect", *JUDGING}
    check_times(run)


def test_long_runs_are_counted_in_full(clip: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.benchmarking.meter.MOST_NOTES", 40)
    done = bench(clip, "--no-video", "--json", "-")
    (run,) = BenchReport.model_validate_json(done.out).runs
    assert run.frames == FRAMES
    assert run.fps == pytest.approx(run.frames / run.seconds, rel=0.02)


def test_paced_cameras_drop_what_comes_too_late(
    clip: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Meter.write

    def write_slowly(meter: Meter, result: FrameResult, picture: Image | None) -> None:
        time.sleep(0.1)
        write(meter, result, picture)

    monkeypatch.setattr(Meter, "write", write_slowly)
    done = bench(clip, "--paced", "--video", "--seconds", 3, "--json", "-")
    assert done.code == 0, done.err
    (run,) = BenchReport.model_validate_json(done.out).runs
    assert run.paced
    assert run.frames > 0
    assert run.dropped > run.frames  # 25 a second come, at most 10 are taken
    assert run.fps < 11
    assert {"draw", "encode"} <= set(run.stages_ms)


@pytest.mark.parametrize("cameras", [1, 2])
def test_ctrl_c_shows_what_was_measured(
    cameras: int, clip: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at_frame(40, monkeypatch)
    done = bench(clip, "--cameras", cameras, "--seconds", 600, "--json", "-")
    assert done.code == 130
    report = BenchReport.model_validate_json(done.out)
    (run,) = report.runs  # the one with video is not begun
    assert report.interrupted
    assert run.interrupted
    assert run.frames >= 10


def test_ctrl_c_in_the_warm_up(clip: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at_frame(5, monkeypatch)
    done = bench(clip, "--seconds", 600)
    assert done.code == 130
    assert "Stopped before anything was measured" in done.out


@pytest.mark.parametrize(
    ("spec", "code", "reason"),
    [
        ("missing.mp4", 2, "missing.mp4"),
        ("text.mp4", 1, "text.mp4"),
        (str(STILLS), 2, "pictures"),
        ("rtsp://user:secret@127.0.0.1:1/live", 2, "is a camera"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(
    spec: str,
    code: int,
    reason: str,
    clip: Path,
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("this is no video\n" * 100)
    done = bench(clip, spec)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert reason in done.err
    assert "secret" not in done.err


def test_statistics_only_writes_no_video(clip: Path, bench: Bench, tmp_path: Path) -> None:
    settings = tmp_path / "maskcam.toml"
    settings.write_text("[privacy]\nstatistics_only = true\n")
    refused = bench(clip, "-c", settings, "--video")
    assert refused.code == 2
    assert "statistics_only" in refused.err
    done = bench(clip, "-c", settings, "--json", "-")
    assert [run.video for run in BenchReport.model_validate_json(done.out).runs] == [False]


def test_what_cannot_be_written_is_said(clip: Path, bench: Bench, tmp_path: Path) -> None:
    done = bench(clip, "--no-video", "--json", tmp_path)
    assert done.code == 1
    assert "cannot write" in done.err
