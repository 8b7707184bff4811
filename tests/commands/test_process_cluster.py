"""`maskcam process --cluster` with real Ray, each in a process of its own, as a user would start it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli import ROOT, STILLS, run_cli
from tests.cluster.clips import write_looped
from tests.cluster.runs import assert_same_results, run_here

FEW_FPS = 10  # enough for people to be followed


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of four parts, and beside it what a run on one machine makes of it."""
    folder = tmp_path_factory.mktemp("clip")
    path = write_looped(folder / "ward.mp4", seconds=188, size_wh=(256, 144), fps=FEW_FPS)
    (report,) = run_here([path], folder / "here")
    assert report.error is None
    return path


class Started:
    """`maskcam process ... --cluster local:2`, running."""

    def __init__(self, *args: object, cwd: Path) -> None:
        environment = os.environ | {"COLUMNS": "400", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "maskcam", "process", *map(str, args), "--cluster", "local:2"],
            cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def end(self, *, code: int = 0) -> str:
        """Its output, once it has ended."""
        output, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == code, output
        return output

    def workers(self) -> list[int]:
        """Processes of it in which Ray does a task."""
        return [pid for pid in descendants(self.process.pid) if "ray::_do" in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def descendants(pid: int) -> set[int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found, before = {pid}, set[int]()
    while found != before:
        before, found = found, found | {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def wait_for(what: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def parts_in(output: Path) -> list[Path]:
    return sorted((output / ".parts").glob("*/*/*.npz"))


def test_events_are_those_of_one_machine_though_a_worker_dies(clip: Path, tmp_path: Path) -> None:
    shutil.copy(STILLS / "group.jpg", tmp_path)
    run = Started(clip, "group.jpg", "-o", "out", cwd=tmp_path)
    wait_for(lambda: parts_in(tmp_path / "out"))
    wait_for(run.workers)
    os.kill(run.workers()[0], signal.SIGKILL)
    output = run.end()
    assert "is done again, 1 of 3 times at most: its process died" in output
    assert_same_results(clip.parent / "here", tmp_path / "out", names=["ward"])
    assert (tmp_path / "out/group.jpg").is_file()
    assert parts_in(tmp_path / "out") == []


def test_after_a_kill_the_same_command_goes_on(clip: Path, tmp_path: Path) -> None:
    run = Started(clip, "-o", "out", cwd=tmp_path)
    wait_for(lambda: parts_in(tmp_path / "out"))
    left_over = descendants(run.process.pid)
    run.process.kill()
    run.process.communicate(timeout=30)
    wait_for(lambda: not any("ray::_do" in command_of(pid) for pid in left_over))  # none goes on
    before = len(parts_in(tmp_path / "out"))
    assert before < 4, "killed too late to show anything"
    output = Started(clip, "-o", "out", cwd=tmp_path).end()
    assert f"{before} parts of others; {4 - before} parts were looked at now." in output
    assert_same_results(clip.parent / "here", tmp_path / "out", names=["ward"])


def test_ctrl_c_ends_with_a_summary(clip: Path, tmp_path: Path) -> None:
    run = Started(clip, "-o", "out", cwd=tmp_path)
    wait_for(lambda: parts_in(tmp_path / "out"))
    run.process.send_signal(signal.SIGINT)
    output = run.end(code=130)
    assert "Stopped: " in output
    assert "Traceback" not in output
    assert (tmp_path / "out/summary.json").is_file()


def test_without_ray_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = run_cli(capsys, "process", STILLS / "group.jpg", "-o", tmp_path / "out", "--cluster", "local")
    assert done.code == 1
    assert done.err.strip() == "Error: --cluster needs Ray: run `pip install 'maskcam[cluster]'`"


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_no_cluster_at_an_address_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"{prefix}127.0.0.1:{unused.getsockname()[1]}"
        done = run_cli(capsys, "process", STILLS / "group.jpg", "-o", tmp_path / "out", "--cluster", address)
    assert done.code == 1
    assert f"there is no Ray cluster at {address}" in done.err
    assert done.err.count("\n") == 1
