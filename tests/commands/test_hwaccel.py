from pathlib import Path

import pytest

from maskcam.commands.notes import Notes
from maskcam.config import Config, load_config
from maskcam.sources import hardware
from maskcam.sources.base import SourceInfo
from maskcam.sources.synthetic import SyntheticSource
from tests.cli import cut_clip, run_cli

SENTENCE = "Video is decoded on the CPU: there is no CUDA device that can do it (it is asleep)."


def test_it_is_a_setting_of_all_cameras_and_of_one() -> None:
    assert Config().cameras.hardware_decode == "auto"
    config = Config.model_validate(
        {
            "cameras": {"hardware_decode": "cuda"},
            "camera": [{"source": "a.mp4"}, {"source": "b.mp4", "hardware_decode": "none"}],
        }
    )
    assert [camera.hardware_decode for camera in config.named_cameras()] == ["cuda", "none"]


def test_the_flag_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text('[cameras]\nhardware_decode = "none"\n')
    config = load_config(file, {"cameras.hardware_decode": "cuda"})
    assert config.cameras.hardware_decode == "cuda"


@pytest.mark.parametrize("command", [["process", "a.mp4", "-o", "out"], ["watch", "a.mp4", "--headless"]])
def test_other_kinds_of_hardware_are_refused(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    done = run_cli(capsys, *command, "--hwaccel", "vaapi")
    assert done.code == 2
    assert "cameras.hardware_decode: Input should be 'auto', 'none' or 'cuda', got 'vaapi'" in done.err


@pytest.mark.parametrize("command", ["process", "watch"])
def test_the_way_to_the_cpu_is_announced_once(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hardware, "_fault", lambda: "it is asleep")
    clips = [cut_clip(tmp_path / f"{name}.mp4", first=100, count=4) for name in ("one", "two")]
    more = ["--no-video"] if command == "process" else ["--headless"]
    flags = ["--hwaccel", "cuda", "--size", "128", "-o", tmp_path / "out", *more]
    done = run_cli(capsys, command, *clips, *flags)
    assert done.code == 0, done.err
    assert done.out.count(SENTENCE) == 1
    assert "it is asleep" not in run_cli(capsys, command, *clips, *flags, "--hwaccel", "none").out


def test_each_note_is_told_once() -> None:
    told: list[str] = []
    notes = Notes(told.append)
    for note in ("one", None, "two", "one"):
        with SyntheticSource.from_spec("synthetic:64x48@25*1", name="a") as source:
            source.info = SourceInfo(name="a", note=note)
            assert notes.opening(lambda source=source: source)() is source  # type: ignore[misc]
    assert told == ["one", "two"]
