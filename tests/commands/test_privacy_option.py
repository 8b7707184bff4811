from pathlib import Path

import pytest

from tests.cli import cut_clip, frame_count, run_cli


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


def test_statistics_only_writes_the_log_alone(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "process", clip, "-o", tmp_path / "a", "--statistics-only", "--size", 320)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["clip.events.jsonl", "summary.json"]
    done = run_cli(
        capsys, "watch", clip, "--headless", "-o", tmp_path / "b", "--statistics-only", "--size", 320
    )
    assert done.code == 0, done.err
    assert "Log in" in done.out
    (run,) = (tmp_path / "b").iterdir()
    assert [path.name for path in run.iterdir()] == ["events.jsonl"]


def test_blurred_video_without_snapshots(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "process", clip, "-o", tmp_path, "--blur", "all", "--no-snapshots", "--size", 320)
    assert done.code == 0, done.err
    assert frame_count(tmp_path / "clip.mp4") == 50
    assert not (tmp_path / "clip.snapshots").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--blur", "some"], "'all', 'compliant' or 'none', got 'some'"),
        (["--statistics-only", "--snapshots"], "privacy.snapshots asks for some"),
        (["--statistics-only", "--record", "-o", "never"], "--record writes pictures"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    done = run_cli(capsys, "watch", "synthetic:320x240@25*5", "--headless", *args)
    assert done.code == 2
    assert words in done.err
