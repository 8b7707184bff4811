import json
from pathlib import Path

import pytest

from tests.cards import ship_random_classifier
from tests.cli import run_cli


def test_shipped_weights_with_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "models")
    assert done.code == 0
    assert "mobilenet_v2" in done.out
    assert "yunet_n" in done.out
    assert "AP50" in done.out
    assert "incorrect_recall" in done.out


def test_json_holds_whole_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship_random_classifier(tmp_path / "mine.safetensors", classes=("mask", "no_mask"))
    (card,) = json.loads(run_cli(capsys, "models", tmp_path, "--json").out)
    assert (card["name"], card["classes"]) == ("mine", ["mask", "no_mask"])


def test_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "models", tmp_path)
    assert done.code == 2
    assert "no .safetensors files" in done.err
