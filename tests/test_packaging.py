"""What `pip install .` installs: the package with its weights, and nothing else."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import maskcam
from tests.cli import ROOT, STILLS


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_code_and_weights_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"maskcam", f"maskcam-{maskcam.__version__}.dist-info"}
    shipped = {path.name for path in (ROOT / "weights").iterdir()}
    assert {name.rpartition("/")[2] for name in names if name.startswith("maskcam/_weights/")} == shipped
    assert wheel.stat().st_size < 20 * 2**20


def test_an_installed_wheel_runs_without_naming_weights(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    command = [sys.executable, "-m", "maskcam", "process", str(STILLS / "group.jpg"), "-o", "out"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "group.jpg").is_file()
    where = [sys.executable, "-c", "import maskcam.weights as w; print(w.weights_directory())"]
    shown = subprocess.run(
        where,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(shown.stdout.strip()) == site / "maskcam" / "_weights"


def test_both_opencv_packages_are_one_and_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {d for d in project["dependencies"] if d.startswith("opencv")}
    assert len(pins) == 2
    assert len({pin.partition("==")[2] for pin in pins}) == 1
    installed = {metadata.version(name) for name in ("opencv-python", "opencv-contrib-python")}
    assert installed == {next(iter(pins)).partition("==")[2]}


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == maskcam.__version__
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
