"""The README tells the truth: its commands run, its example too, its figures are those that were measured."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from tests.cli import ROOT, run_cli

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("maskcam ")
]
RUNNABLE = [c for c in COMMANDS if re.match(r"maskcam (models|doctor|export)", c) or "samples/" in c]


def test_examples_are_found() -> None:
    assert len(COMMANDS) >= 7
    assert len(COMMANDS) - len(RUNNABLE) == 6, (
        "only webcam, RTSP camera, -c FILE and services cannot be run here"
    )


@pytest.mark.parametrize("command", RUNNABLE)
def test_commands_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    done = run_cli(capsys, *shlex.split(command)[1:])
    assert done.code == 0, done.out + done.err


def test_settings_example_is_valid(tmp_path: Path) -> None:
    from maskcam.config import load_config

    defaults, *others = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "maskcam.toml"
    file.write_text(defaults)
    assert load_config(file) == load_config(None), "the example shows the defaults"
    for example in others:
        file.write_text(example)
        assert load_config(file) != load_config(None)


def test_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    script = tmp_path / "example.py"
    script.write_text(example)
    runpy.run_path(str(script))
    assert re.search(r"person 1 mask \d+%", capsys.readouterr().out)


def test_figures_are_those_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from readme import with_figures  # type: ignore[import-not-found]

    assert with_figures(README) == README, "run benchmarks/readme.py"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
