import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cameras import Behaviour, RtspCamera
from tests.cli import DEMO, ROOT, cut_clip, frame_count, run_cli
from tests.tools import require_tool


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


def test_headless_over_two_recordings_logs_each_person_once(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "watch", clip, clip, "--headless", "-o", tmp_path, "--record")
    assert done.code == 0, done.err
    (run,) = tmp_path.iterdir()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    for camera in ("clip.mp4", "clip.mp4 (2)"):
        mine = [(e["event"], e["status"]) for e in events if e["camera"] == camera]
        assert sorted(e for e in mine if e[0] == "started") == [
            ("started", "incorrect"),
            ("started", "no_mask"),
        ]
        assert sorted(e for e in mine if e[0] == "ended") == [("ended", "incorrect"), ("ended", "no_mask")]
    assert all((run / event["snapshot"]).is_file() and event["logged_at"] for event in events)
    assert sorted(frame_count(video) for video in run.glob("*.mp4")) == [50, 50]


def test_one_dead_camera_does_not_stop_the_others(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mkv"
    whole = cut_clip(tmp_path / "whole.mkv", first=0, count=50).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    done = run_cli(capsys, "watch", cut, clip, "--headless", "--size", 320)
    assert done.code == 1
    assert "Failed: cut.mkv" in done.out
    row = next(line for line in done.out.splitlines() if line.startswith("│ clip.mp4") and " 50 " in line)
    assert row


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["nowhere.mp4"], 2, "There is no file"),
        (["rtsp://user:${NO_SUCH_SECRET}@127.0.0.1:9/stream"], 2, "NO_SUCH_SECRET, which is not set"),
        ([], 2, "nothing to watch"),
        ([str(ROOT / "samples" / "stills")], 2, "use `maskcam process`"),
        (["ftp://example.org/a.mp4"], 2, "rtsp://"),
        (["--record", "synthetic:320x240@25*5"], 2, "-o DIR"),
    ],
)
def test_what_cannot_be_watched_is_one_sentence(
    capsys: pytest.CaptureFixture[str], args: list[str], code: int, words: str
) -> None:
    done = run_cli(capsys, "watch", *args, "--headless")
    assert done.code == code
    assert words in done.err + done.out
    assert "secret" not in done.err + done.out
    assert "Traceback" not in done.err


def test_without_a_display_there_is_a_way_out(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    done = run_cli(capsys, "watch", clip)
    assert done.code == 1
    assert "--headless" in done.err


def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "maskcam", "watch", "synthetic:640x480@25*100000", "--headless", "-o", str(tmp_path),
         "--record"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while (
            not any(p.stat().st_size for p in tmp_path.rglob("*.partial.mp4")) and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert "Watched" in out
    assert "Traceback" not in err
    (video,) = tmp_path.rglob("*.mp4")
    assert frame_count(video) > 0


def test_a_window_shows_and_q_closes_it(tmp_path: Path) -> None:
    require_tool("xvfb-run", package="xvfb")
    require_tool("xdotool")
    script = (
        f"{sys.executable} -m maskcam watch {DEMO} -o {tmp_path} & pid=$!\n"
        "window=$(timeout 60 xdotool search --sync --onlyvisible --name 'maskcam' | head -1)\n"
        "xdotool key --window $window s; sleep 1\n"
        "for i in $(seq 20); do kill -0 $pid 2>/dev/null || break; xdotool key --window $window q; sleep 0.5; done\n"
        "wait $pid\n"
    )
    done = subprocess.run(
        ["xvfb-run", "-a", "bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=os.environ | {"QT_LOGGING_RULES": "*=false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Watched" in done.stdout
    assert list(tmp_path.rglob("demo-mp4*.jpg")) or list(tmp_path.rglob("demo.mp4*.jpg")), "s saves a picture"


def test_a_camera_that_is_away_is_waited_for_and_then_watched(tmp_path: Path) -> None:
    with RtspCamera(size_wh=(640, 360), credentials="admin:hunter2", clip_seconds=12) as camera:
        camera.behave(Behaviour.REFUSE)
        config = tmp_path / "maskcam.toml"
        config.write_text(
            "[detector]\nsize = 320\n[[camera]]\nname = 'ward'\nanalysis_fps = 5\n"
            f"source = '{camera.url.replace('hunter2', '${WARD_PASSWORD}')}'\n"
        )
        with subprocess.Popen(
            [sys.executable, "-m", "maskcam", "watch", "--headless", "-c", str(config), "-o", str(tmp_path / "log")],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"WARD_PASSWORD": "hunter2", "COLUMNS": "140"},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "refuses the connection" in line:
                    camera.behave(Behaviour.NORMAL)
                if "started at" in line:
                    break
            process.send_signal(signal.SIGTERM)
            lines += process.stdout.readlines()
    text = "".join(lines)
    assert process.returncode == 130, text
    assert "connecting: refused: ward refuses the connection" in text
    assert "ward: live again" in text
    assert "hunter2" not in text
    (log,) = (tmp_path / "log").rglob("events.jsonl")
    assert {json.loads(line)["camera"] for line in log.read_text().splitlines()} == {"ward"}
