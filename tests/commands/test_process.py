import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.cli import DEMO, ROOT, STILLS, cut_clip, frame_count, run_cli


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo in which A is bare and C wears her mask under the nose."""
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


def test_video_events_snapshots_and_summary(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "process", clip, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert "device: " in done.out
    assert frame_count(tmp_path / "out" / "clip.mp4") == 50
    events = [json.loads(line) for line in (tmp_path / "out" / "clip.events.jsonl").read_text().splitlines()]
    started = [event for event in events if event["event"] == "started"]
    assert sorted(event["status"] for event in started) == ["incorrect", "no_mask"]
    assert len([event for event in events if event["event"] == "ended"]) == 2
    for event in started:
        assert (tmp_path / "out" / event["snapshot"]).is_file()
    assert len(list((tmp_path / "out" / "clip.snapshots").glob("*.jpg"))) == 2
    assert len(list((tmp_path / "out" / "clip.snapshots" / "faces").glob("*.jpg"))) == 2
    (report,) = json.loads((tmp_path / "out" / "summary.json").read_text())["inputs"]
    assert (report["frames"], report["people"], report["error"]) == (50, 3, None)
    assert report["violations"] == {"no_mask": 1, "incorrect": 1}
    assert set(report["stage_seconds"]) == {
        "decode", "detect", "track", "crop", "classify", "vote", "blur", "draw", "write",
    }  # fmt: skip


def test_a_second_run_leaves_nothing_of_the_first(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "clip.snapshots" / "old.jpg"
    stale.parent.mkdir()
    stale.touch()
    assert run_cli(capsys, "process", clip, "-o", tmp_path, "--no-video", "--size", 320).code == 0
    assert not stale.exists()
    assert not (tmp_path / "clip.mp4").exists()


def test_pictures_are_annotated_each_on_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "process", STILLS, "-o", tmp_path)
    assert done.code == 0, done.err
    for still in STILLS.glob("*.jpg"):
        annotated = cv2.imread(str(tmp_path / still.name))
        original = cv2.imread(str(still))
        assert annotated is not None
        assert original is not None
        assert annotated.shape == original.shape
        assert np.abs(annotated.astype(int) - original).max() > 100
    (report,) = json.loads((tmp_path / "summary.json").read_text())["inputs"]
    assert (report["frames"], report["people"]) == (7, 9)


def test_what_fails_is_named_and_the_others_still_run(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, text, deaf, cut = (tmp_path / name for name in ("empty.mp4", "text.mp4", "sound.m4a", "cut.mp4"))
    empty.touch()
    text.write_text("this is no video\n" * 100)
    make_sound(deaf)
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    missing = tmp_path / "missing.mp4"
    out = tmp_path / "out"
    done = run_cli(
        capsys, "process", empty, text, deaf, cut, missing, clip, "-o", out, "--no-video", "--size", 320
    )
    assert done.code == 1
    reports = {r["input"]: r for r in json.loads((out / "summary.json").read_text())["inputs"]}
    assert len(reports) == 6
    assert reports["clip.mp4"]["error"] is None
    assert reports["clip.mp4"]["frames"] == 50
    for name, words in {
        "empty": "empty",
        "text": "not a video",
        "sound": "no video",
        "cut": "cut off",
    }.items():
        (error,) = (r["error"] for key, r in reports.items() if Path(key).stem == name)
        assert words in error.lower()
        assert error in done.out
    assert "There is no file" in done.out
    assert "Traceback" not in done.out + done.err


def make_sound(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_nothing_to_do_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "process", tmp_path / "nowhere.mp4", "-o", tmp_path / "out")
    assert done.code == 2
    assert "nowhere.mp4" in done.err
    done = run_cli(capsys, "process", tmp_path, "-o", tmp_path / "out")
    assert done.code == 2
    assert "holds no picture and no video" in done.err


def test_an_address_is_not_a_file_and_its_password_stays_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "process", "rtsp://me:secret@127.0.0.1/a", STILLS / "group.jpg", "-o", tmp_path)
    assert done.code == 1
    assert "maskcam watch" in done.out
    assert "secret" not in done.out + done.err + (tmp_path / "summary.json").read_text()
    assert (tmp_path / "group.jpg").is_file()


def test_output_never_replaces_the_input(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = shutil.copy(clip, tmp_path / "clip.mp4")
    still = shutil.copy(STILLS / "group.jpg", tmp_path / "group.jpg")
    before = mine.read_bytes(), still.read_bytes()
    done = run_cli(capsys, "process", mine, still, "-o", tmp_path, "--size", 320)
    assert done.code == 1
    assert "that is the input" in done.out
    assert "would replace" in done.out
    assert (mine.read_bytes(), still.read_bytes()) == before


def test_output_that_cannot_be_written(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    done = run_cli(capsys, "process", clip, "-o", file / "out")
    assert done.code == 1
    assert "cannot make the folder" in done.err + done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weights", "nowhere.safetensors"], "no weights file at nowhere.safetensors"),
        (["--device", "cuda:99"], "device"),
        (["--device", "tpu"], "must be one of"),
        (["--detector", "haar"], "detector.kind"),
        (["--size", "3"], "detector.size"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_wrong_flags_are_one_sentence(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    done = run_cli(capsys, "process", clip, "-o", tmp_path, *flags)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_same_names_from_two_folders_do_not_collide(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(clip, tmp_path / folder / "clip.mp4")
    out = tmp_path / "out"
    done = run_cli(capsys, "process", tmp_path / "a", tmp_path / "b/clip.mp4", "-o", out, "--size", 320)
    assert done.code == 0
    assert frame_count(out / "clip.mp4") == frame_count(out / "clip-2.mp4") == 50


def test_ctrl_c_leaves_playable_files_and_a_summary(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "maskcam", "process", str(DEMO), "-o", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    partial = tmp_path / ".demo.mp4.partial"
    deadline = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size > 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Stopped" in out
    assert "Traceback" not in err
    (report,) = json.loads((tmp_path / "summary.json").read_text())["inputs"]
    assert 0 < report["frames"] < 450
    assert frame_count(tmp_path / "demo.mp4") == report["frames"]
