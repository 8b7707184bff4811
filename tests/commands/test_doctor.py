import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import maskcam.sources
from maskcam.commands import doctor as module
from maskcam.commands.doctor import doctor
from maskcam.environment import Check
from maskcam.errors import SourceBusyError, SourceNotFoundError
from maskcam.probe import probe_source
from maskcam.sources.base import Source, SourceInfo
from maskcam.types import Frame

FINE = Check("Everything", True, "in order")
MISSING = Check("Extra", None, "not there", "fetch [it] when you want it")
BROKEN = Check("Engine", False, "does not turn", "turn it")


class Ticking(Source):
    """Plays prepared time stamps on a clock of its own, a frame every `period` seconds."""

    def __init__(
        self, pts: list[float], *, clock: list[float], period: float = 0.0, info: SourceInfo | None = None
    ) -> None:
        self.info = info or SourceInfo(name="ticking", fps=10)
        self.closed = False
        self._pts, self._clock, self._period = pts, clock, period

    def frames(self) -> Iterator[Frame]:
        for i, pts in enumerate(self._pts):
            self._clock[0] += self._period
            yield Frame(np.zeros((48, 64, 3), np.uint8), i, pts, self._clock[0], self.info.name)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `time.monotonic` tells, to be set by the test."""
    now = [100.0]
    monkeypatch.setattr("maskcam.probe.time.monotonic", lambda: now[0])
    return now


def run(
    monkeypatch: pytest.MonkeyPatch, checks: list[Check], *args: str, source: Source | Exception | None = None
) -> tuple[int, str]:
    def open_source(spec: str) -> Source:
        assert spec == "the-source"
        if isinstance(source, Exception):
            raise source
        assert source is not None
        return source

    monkeypatch.setattr(module, "check_all", lambda: list(checks))
    monkeypatch.setattr(maskcam.sources, "open_source", open_source, raising=False)
    app = typer.Typer()
    app.command()(doctor)
    result = CliRunner().invoke(app, list(args), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


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


def test_source_is_tried_and_closed(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    source = Ticking([i / 10 for i in range(20)], clock=clock, period=0.1)
    code, output = run(monkeypatch, [FINE], "the-source", source=source)
    assert code == 0
    assert "64x48, 10 fps nominal, 10 fps measured, 20 frames in 1.9 s, 100.0 ms each" in output
    assert source.closed


def test_source_in_json(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    source = Ticking([0.0, 0.1, 0.2], clock=clock, period=0.1)
    _, output = run(monkeypatch, [FINE], "the-source", "--json", source=source)
    probe = json.loads(output)["source"]
    assert probe["frames"] == 3
    assert probe["sizes_wh"] == [[64, 48]]
    assert probe["measured_fps"] == pytest.approx(10)
    assert probe["frame_milliseconds"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(SourceNotFoundError("no file at the-source"), 2), (SourceBusyError("camera 0 is busy"), 1)],
)
def test_source_that_cannot_be_opened_is_named_beside_the_checks(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: int
) -> None:
    code, output = run(monkeypatch, [FINE], "the-source", source=error)
    assert code == expected
    assert str(error) in output
    assert "in order" in output


def test_source_without_frames(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    code, output = run(monkeypatch, [FINE], "the-source", source=Ticking([], clock=clock))
    assert code == 1
    assert "gave no frame" in output


def test_slow_camera(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    info = SourceInfo(name="door", fps=30, is_live=True)
    source = Ticking([i / 10 for i in range(20)], clock=clock, period=0.1, info=info)
    code, output = run(monkeypatch, [FINE], "the-source", source=source)
    assert code == 0
    assert "more light" in output


def test_clock_that_jumps_back(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    source = Ticking([0, 0.1, 0.2, 0.1, 0.2, 0.2, 0.3], clock=clock, period=0.1)
    code, output = run(monkeypatch, [FINE], "the-source", "--json", source=source)
    assert code == 0
    report = json.loads(output)
    assert report["source"]["late_pts"] == 2
    assert "2 time stamps not in order" in report["checks"][-1]["found"]


def test_probe_stops_after_its_time(clock: list[float]) -> None:
    probe = probe_source(Ticking(list(range(1000)), clock=clock, period=0.25), seconds=5)
    assert probe.frames == 20
    assert probe.measured_fps == pytest.approx(4)


def test_probe_of_one_picture(clock: list[float]) -> None:
    info = SourceInfo(name="picture", is_still=True)
    probe = probe_source(Ticking([0.0], clock=clock, period=0.02, info=info), seconds=5)
    assert (probe.frames, probe.measured_fps, probe.late_pts) == (1, None, 0)
    assert probe.frame_milliseconds == pytest.approx(20)


def test_pictures_have_no_clock_to_be_late_by(clock: list[float]) -> None:
    info = SourceInfo(name="folder", is_still=True)
    probe = probe_source(Ticking([0.0, 0.0, 0.0], clock=clock, period=0.02, info=info), seconds=5)
    assert probe.late_pts == 0
