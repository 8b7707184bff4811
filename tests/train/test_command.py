"""`python -m train` as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.weights import read_card
from tests.cli import ROOT

RECIPE = """
architecture = "mobilenet_v2"
classes = ["mask", "no_mask"]
input_size = 32
batch_size = 4
epochs = 2
precision = "32-true"
data = [{ folder = "faces", classes = { masked = "mask", bare = "no_mask" } }]
validation = { folder = "faces", classes = { masked = "mask", bare = "no_mask" } }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for shade, name in enumerate(("masked", "bare")):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i in range(8):
            cv2.imwrite(
                str(tmp_path / "faces" / name / f"{i}.png"), np.full((40, 40, 3), 90 * shade + i, np.uint8)
            )
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path


def train(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "train", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_processes_train_one_network(folder: Path) -> None:
    done = train(folder, "fit", "tiny.toml", "--device", "cpu", "--devices", "2", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Wrote runs/tiny/tiny.safetensors") == 1
    assert len((folder / "runs" / "tiny" / "history.jsonl").read_text().splitlines()) == 2
    assert read_card(folder / "runs" / "tiny" / "tiny.safetensors").command == "python -m train fit tiny.toml"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing.toml"], "cannot read recipe missing.toml"),
        (["tiny.toml", "--set", "epochs=0"], "epochs"),
        (["tiny.toml", "--set", "surprise=1"], "surprise"),
        (["tiny.toml", "--device", "abacus"], "device must be one of"),
    ],
)
def test_errors_are_one_sentence(folder: Path, words: list[str], sentence: str) -> None:
    done = train(folder, "fit", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
