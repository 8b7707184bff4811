"""The code that `make proto` writes is that of model.proto."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("maskcam/remote")


@pytest.mark.parametrize("name", ["model_pb2.py", "model_pb2.pyi", "model_pb2_grpc.py"])
def test_generated_code_is_current(name: str, tmp_path: Path) -> None:
    (recipe,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if "grpc_tools.protoc" in line]
    (tmp_path / FOLDER).mkdir(parents=True)
    shutil.copy(ROOT / FOLDER / "model.proto", tmp_path / FOLDER)
    arguments = recipe.split()[1:]  # without the path of Python
    subprocess.run([sys.executable, *arguments], cwd=tmp_path, check=True)
    assert (tmp_path / FOLDER / name).read_text() == (ROOT / FOLDER / name).read_text(), "run `make proto`"
