from pathlib import Path

import pytest

from tests.cards import ship_random_classifier
from tests.cli import STILLS, run_cli


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return ship_random_classifier(tmp_path / "mine.safetensors", architecture="cnn2")


def test_what_was_exported_is_told_and_runs(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.onnx"
    done = run_cli(capsys, "export", weights, "-o", output)
    assert done.code == 0, done.err
    for words in (
        str(output),
        "MiB",
        "height and width 64",
        "mask, no_mask, incorrect",
        "agrees",
        f"--weights {output}",
    ):
        assert words in done.out
    found = tmp_path / "found.json"
    done = run_cli(
        capsys,
        *("predict", STILLS / "group.jpg", "-o", found, "--weights", output, "--backend", "onnxruntime"),
    )
    assert done.code == 0, done.err
    assert "ONNX Runtime" in done.err
    assert found.is_file()


def test_the_ending_says_the_format(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_cli(capsys, "export", weights, "-o", tmp_path / "a.xml")
    assert done.code == 0, done.err
    assert (tmp_path / "a.bin").is_file()
    monkeypatch.chdir(tmp_path)
    assert run_cli(capsys, "export", weights).code == 0
    assert (tmp_path / "mine.onnx").is_file()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["nowhere.safetensors"], 2, "no weights file at nowhere.safetensors"),
        (["-o", "a.txt"], 2, "ends in .onnx, got a.txt"),
        (["--format", "openvino", "-o", "a.onnx"], 2, "ends in .xml"),
        (["--format", "tensorrt", "-o", "a.onnx"], 2, "ends in .engine"),
        (["--format", "coreml"], 2, "coreml"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    args: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "export", *args)
    assert done.code == code
    assert words in done.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--backend", "caffe"], "backend"),
        (["--backend", "torch", "--precision", "bfloat16"], "needs backend openvino"),
        (["--weights", "a.onnx"], "no weights file at a.onnx"),
    ],
)
def test_backends_that_cannot_be_used_are_one_sentence(
    args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "predict", STILLS / "group.jpg", "-o", tmp_path / "a.json", *args)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("Error") == 1
