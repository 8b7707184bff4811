import dataclasses
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import maskcam.probing.probe
from maskcam.commands import doctor as module
from maskcam.commands.doctor import doctor
from maskcam.commands.probe_table import probe_rows
from maskcam.environment import Check
from maskcam.errors import SourceBusyError, SourceNotFoundError
from maskcam.probing.report import KeyFrames, Latency, Pictures, Rhythm, SourceReport, Video, Work
from tests.cameras import Behaviour, RtspCamera
from tests.cli import cut_clip, run_cli
from tests.probing.reports import FINE as FINE_CAMERA
from tests.probing.reports import report

FINE = Check("Everything", True, "in order")
MISSING = Check("Extra", None, "not there", "fetch [it] when you want it")
BROKEN = Check("Engine", False, "does not turn", "turn it")


def run(
    monkeypatch: pytest.MonkeyPatch,
    checks: list[Check],
    *args: str,
    probed: SourceReport | Exception | None = None,
    columns: int = 200,
) -> tuple[int, str]:
    """`maskcam doctor ARGS` with prepared answers, what the probe was asked for is in `asked`."""

    def probe(spec: str, **options: Any) -> SourceReport:
        assert spec == "the-source"
        asked.append(options)
        if isinstance(probed, Exception):
            raise probed
        assert probed is not None
        return probed

    asked.clear()
    monkeypatch.setattr(module, "check_all", lambda: list(checks))
    monkeypatch.setattr(maskcam.probing.probe, "probe", probe)
    app = typer.Typer()
    app.command()(doctor)
    result = CliRunner().invoke(app, list(args), env={"COLUMNS": str(columns)})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


asked: list[dict[str, Any]] = []


def test_all_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, [FINE, MISSING])
    assert code == 0
    assert "in order" in output
    assert "fetch [it] when you want it" in output, "brackets are text, not markup"


def test_long_paths_are_never_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    _, output = run(monkeypatch, [Check("Path", True, "/a" * 150 + "/end")])
    assert "…" not in output
    assert "/end" in output


def test_something_required_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, [FINE, BROKEN])
    assert code == 1
    assert "does not turn" in output
    assert "turn it" in output


@pytest.mark.parametrize(("checks", "expected"), [([FINE, MISSING], 0), ([BROKEN], 1)])
def test_json(monkeypatch: pytest.MonkeyPatch, checks: list[Check], expected: int) -> None:
    code, output = run(monkeypatch, checks, "--json")
    assert code == expected
    assert json.loads(output) == {
        "ok": expected == 0,
        "checks": [dataclasses.asdict(check) for check in checks],
        "source": None,
    }


def test_a_good_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, [FINE, MISSING], "the-source", probed=FINE_CAMERA)
    assert code == 0
    assert "Nothing to change." in output
    assert "in order" not in output.replace("time stamps │ in order", ""), "the machine was not asked about"
    assert asked[0]["seconds"] == 10.0
    assert asked[0]["transport"] == "tcp"
    assert asked[0]["detector"] is not None


def test_what_was_asked_for_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    args = ["the-source", "--seconds", "3", "--transport", "udp"]
    run(monkeypatch, [FINE], *args, probed=FINE_CAMERA)
    assert (asked[0]["seconds"], asked[0]["transport"]) == (3.0, "udp")


@pytest.mark.parametrize("seconds", ["0", "100000", "soon"])
def test_seconds_out_of_range(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    code, output = run(monkeypatch, [FINE], "the-source", "--seconds", seconds)
    assert code == 2
    assert "--seconds" in output


def test_a_camera_that_could_do_better(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(report("rhythm", jumps=1), pictures=Pictures(100, 3, 20))
    code, output = run(monkeypatch, [FINE], "the-source", probed=bad)
    assert code == 0
    assert "3 damaged, 20 left out that build upon them" in output
    assert "What to change" in output
    assert "- 3 damaged pictures" in output
    assert "- Time stamps are not in order" in output
    assert "Nothing to change" not in output


def test_a_camera_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(
        monkeypatch, [FINE], "the-source", "--json", probed=report(pictures=Pictures(100, 3, 20))
    )
    assert code == 0
    found = json.loads(output)
    assert found["ok"] is True
    assert found["source"]["video"]["codec"] == "h264"
    assert found["source"]["video"]["sizes_wh"] == [[1280, 720]]
    assert found["source"]["pictures"]["corrupt"] == 3
    assert len(found["source"]["advice"]) == 1
    assert found["checks"][-1]["ok"] is None
    assert found["checks"][-1]["advice"] == found["source"]["advice"][0]


def test_a_camera_that_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(FINE_CAMERA, failure="door broke off after 2.0 s (no more data): check it.")
    code, output = run(monkeypatch, [FINE], "the-source", probed=broken)
    assert code == 1
    assert "Failed: door broke off" in output
    assert "H.264" in output, "what was found out so far is shown"
    assert "Nothing to change" not in output
    code, output = run(monkeypatch, [FINE], "the-source", "--json", probed=broken)
    assert code == 1
    assert json.loads(output)["ok"] is False
    assert json.loads(output)["source"]["failure"] == broken.failure


@pytest.mark.parametrize(
    ("error", "expected"),
    [(SourceNotFoundError("no file at the-source"), 2), (SourceBusyError("camera 0 is [busy]"), 1)],
)
def test_a_source_that_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: int
) -> None:
    code, output = run(monkeypatch, [FINE], "the-source", probed=error)
    assert code == expected
    assert output.strip() == f"Failed: {error}"
    code, output = run(monkeypatch, [FINE], "the-source", "--json", probed=error)
    assert code == expected
    found = json.loads(output)
    assert (found["ok"], found["source"], found["checks"][-1]["found"]) == (False, None, str(error))


@pytest.mark.parametrize("name", ["PyAV", "OpenCV"])
def test_what_cannot_read_is_not_asked_to(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    code, output = run(monkeypatch, [Check(name, False, "gone")], "the-source")
    assert code == 1
    assert f"not tried: {name} must work first" in output
    assert not asked


@pytest.mark.parametrize("name", ["PyTorch", "Weights"])
def test_without_a_detector_the_camera_is_tried_all_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = replace(FINE_CAMERA, faces=None, work=Work())
    code, output = run(monkeypatch, [Check(name, False, "gone")], "the-source", probed=found)
    assert code == 1
    assert "gone" in output
    assert "not looked for" in output
    assert "detector" not in asked[0]


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_the_table_fits(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    bad = replace(report("rhythm", jumps=1), pictures=Pictures(100, 3, 20))
    _, output = run(monkeypatch, [FINE], "the-source", probed=bad, columns=columns)
    assert max(len(line) for line in output.splitlines()) <= columns
    assert "…" not in output


def test_rows_of_a_camera() -> None:
    rows = dict(probe_rows(FINE_CAMERA))
    assert rows == {
        "source": "RTSP camera over TCP; watched for 10 s, 150 pictures",
        "video": "H.264 High, 1280x720, yuv420p",
        "rate": "15 frames a second, 15 stated; 2 Mbit/s",
        "key frames": "every 1.0 s, 1.0 s at the longest (10 seen)",
        "jitter": "95% of the pictures come at most 5 ms late by their time stamps",
        "time stamps": "in order",
        "losses": "none",
        "connecting": "0.50 s, first picture after 0.80 s",
        "delay": "steady for 10 s; the camera's own share cannot be seen from here: let it film a running"
        " clock to know it",
        "decoding": "5.0 ms a picture, 8% of real time",
        "analysis": "20.0 ms a picture to look for faces on cpu; with decoding, 40 pictures a second: keeps up",
        "faces": "20 in 10 pictures: half of them over 60 px at their shorter side, the smallest 30 px,"
        " none under 16 px",
    }


def test_rows_of_pictures_and_webcams_hold_only_what_means_something() -> None:
    picture = SourceReport(
        "a.png", "pictures", False, 0.1, Video(sizes_wh=((64, 48),)), Pictures(1), Latency(0.01)
    )
    assert [label for label, _ in probe_rows(picture)] == ["source", "video", "faces"]
    webcam = replace(FINE_CAMERA, kind="webcam", transport=None, key_frames=None, rhythm=Rhythm(False, 3.0))
    rows = dict(probe_rows(webcam))
    assert "key frames" not in rows
    assert "losses" not in rows
    assert "within 3 ms" in rows["jitter"]


def test_rows_say_when_something_is_wrong() -> None:
    rows = dict(probe_rows(report(key_frames=KeyFrames(1, None, 9.0, longest_is_open=True))))
    assert rows["key frames"] == "1 seen: over 9.0 s from one to the next"
    rows = dict(probe_rows(report("rhythm", delay_growth_milliseconds=700.0, steps_back=2)))
    assert "grew by 700 ms" in rows["delay"]
    assert "back 2 times" in rows["time stamps"]
    rows = dict(probe_rows(report("work", possible_fps=9.0, keeps_up=False)))
    assert rows["analysis"].endswith("9 pictures a second: does not keep up with 15")
    many = tuple((64, height) for height in range(10))
    assert "and 6 more sizes" in dict(probe_rows(report("video", sizes_wh=many)))["video"]


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(size_wh=(640, 360), clip_seconds=3.0, credentials="admin:hunter2") as camera:
        yield camera


def test_a_real_camera(camera: RtspCamera, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "doctor", camera.url, "--seconds", "2", "--json")
    found = json.loads(done.out)
    assert found["source"]["faces"]["pictures"] >= 2
    assert found["source"]["video"]["codec"] == "h264"
    assert "hunter2" not in done.out + done.err
    camera.behave(Behaviour.PASSWORD)
    done = run_cli(capsys, "doctor", camera.url, "--seconds", "2")
    assert done.code == 1
    assert "refuses the user name or password" in done.out
    assert "hunter2" not in done.out + done.err


def test_a_real_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = cut_clip(tmp_path / "clip.mp4", first=100, count=30)
    done = run_cli(capsys, "doctor", clip)
    assert "H.264" in done.out
    assert "Nothing to change." in done.out
    assert "the speed of this machine" in done.out
    done = run_cli(capsys, "doctor", tmp_path / "nothing.mp4")
    assert done.code == 2
    assert "There is no file" in done.out
