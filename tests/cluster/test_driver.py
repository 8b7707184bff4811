import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maskcam.cluster.base import Answer, Task
from maskcam.cluster.inline import InlineCluster
from maskcam.cluster.outputs import Folder
from maskcam.cluster.plans import worth_cutting
from maskcam.cluster.tasks import judge, look_at_part
from maskcam.config import Config
from maskcam.config_sections import DetectorConfig, RecordingConfig, StoreConfig
from maskcam.store.store import EventStore
from tests.cli import STILLS
from tests.cluster.clips import write_looped
from tests.cluster.runs import assert_same_results, counts, run_here, run_on, shorten_parts

CONFIG = Config(recording=RecordingConfig(video=False))


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_parts(monkeypatch, 3.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds, in which people break the rule over the borders of its parts."""
    return write_looped(tmp_path_factory.mktemp("clip") / "ward.mp4", seconds=12)


def looked_at(cluster: InlineCluster) -> list[int | None]:
    return [task.part for task in cluster.done if task.work is look_at_part]


def test_results_are_those_of_a_run_on_one_machine(clip: Path, tmp_path: Path) -> None:
    (here,) = run_here([clip], tmp_path / "here", config=CONFIG)
    cluster = InlineCluster()
    run = run_on(cluster, [clip], tmp_path / "there", config=CONFIG)
    assert looked_at(cluster) == [0, 1, 2, 3]
    assert_same_results(tmp_path / "here", tmp_path / "there", names=["ward"])
    (there,) = run.reports
    assert counts(there) == counts(here)
    assert there.error is None
    assert run.shown == {"ward": (300, 300)}
    assert run.said == []
    assert [path.suffix for path in (tmp_path / "there/.parts").rglob("*") if path.is_file()] == [".json"]


def test_a_short_recording_is_not_cut_where_there_are_enough(clip: Path, tmp_path: Path) -> None:
    run_here([clip], tmp_path / "here", config=CONFIG)
    cluster = InlineCluster()
    run = run_on(cluster, [clip], tmp_path / "there", config=CONFIG, cut_from_seconds=12.1)
    assert looked_at(cluster) == []
    assert_same_results(tmp_path / "here", tmp_path / "there", names=["ward"])
    assert run.shown == {"ward": (300, 300)}


def test_cuts_only_where_workers_would_be_idle() -> None:
    assert worth_cutting(1, workers=2) == 0
    assert worth_cutting(2, workers=2) > 600


def test_pictures_and_what_fails_are_as_on_one_machine(clip: Path, tmp_path: Path) -> None:
    empty, cut = tmp_path / "empty.mp4", tmp_path / "cut.mp4"
    empty.touch()
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    inputs = [empty, cut, tmp_path / "missing.mp4", STILLS]
    here = run_here(inputs, tmp_path / "here", config=CONFIG)
    there = run_on(InlineCluster(), inputs, tmp_path / "there", config=CONFIG).reports
    assert [counts(report) for report in there] == [counts(report) for report in here]
    assert len([report for report in there if report.error]) == 3
    assert sorted(path.name for path in (tmp_path / "there").glob("*.jpg")) == sorted(
        path.name for path in (tmp_path / "here").glob("*.jpg")
    )


def test_a_recording_that_breaks_off_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_looped(tmp_path / "whole.ts", seconds=10)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.7)])
    (here,) = run_here([cut], tmp_path / "here", config=CONFIG)
    (there,) = run_on(InlineCluster(), [cut], tmp_path / "there", config=CONFIG).reports
    assert here.frames > 100
    assert counts(there) == counts(here)


def test_a_task_whose_process_died_is_done_again(clip: Path, tmp_path: Path) -> None:
    run_here([clip], tmp_path / "here", config=CONFIG)
    dying = {(look_at_part, 1): 3, (judge, None): 1}

    def fault(task: Task) -> str | None:
        left = dying.get((task.work, task.part), 0)
        dying[task.work, task.part] = left - 1
        return "its process died" if left > 0 else None

    cluster = InlineCluster(fault)
    run = run_on(cluster, [clip], tmp_path / "there", config=CONFIG)
    assert looked_at(cluster) == [0, 1, 2, 3, 1, 1, 1]
    assert run.said == [
        "part 2 of 4 of ward is done again, 1 of 3 times at most: its process died",
        "part 2 of 4 of ward is done again, 2 of 3 times at most: its process died",
        "part 2 of 4 of ward is done again, 3 of 3 times at most: its process died",
        "ward is done again, 1 of 3 times at most: its process died",
    ]
    assert_same_results(tmp_path / "here", tmp_path / "there", names=["ward"])


class Death(BaseException):
    """Of a process: nothing catches it."""


class DyingCluster(InlineCluster):
    """Tasks may die; whatever comes after that comes two hours later."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._monkeypatch = monkeypatch

    def answers(self, *, timeout_seconds: float) -> Sequence[Answer]:
        try:
            return super().answers(timeout_seconds=timeout_seconds)
        except Death:
            later = time.time() + 7200
            self._monkeypatch.setattr("maskcam.sinks.walltime.time.time", lambda: later)
            return [Answer(self.done[-1], fault="its process died")]


@pytest.mark.parametrize("last", ["publish", "remove"])
def test_the_event_store_counts_once_what_is_done_twice(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    deaths = iter([Death()])
    do_last = getattr(Folder, last)

    def die_after(*args: object) -> object:
        done = do_last(*args)
        for death in deaths:
            raise death
        return done

    monkeypatch.setattr(Folder, last, die_after)

    def store_in(folder: str) -> Config:
        return CONFIG.model_copy(update={"store": StoreConfig(url=str(tmp_path / folder / "events.db"))})

    def stored(folder: str) -> tuple[object, ...]:
        with EventStore.open(tmp_path / folder / "events.db") as store:
            always = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
            return (
                [(each.track_id, each.status, each.started_seconds) for each in store.violations()],
                [(count.masked, count.bare) for count in store.counts(**always)],
                store.tracks(**always).tracks,
            )

    run_here([clip], tmp_path / "here", config=store_in("here"))
    cluster = DyingCluster(monkeypatch)
    run = run_on(cluster, [clip], tmp_path / "there", config=store_in("there"))
    assert [task.work for task in cluster.done].count(judge) == 2
    assert [report.error for report in run.reports] == [None]
    assert stored("there") == stored("here")


def test_what_dies_every_time_fails_alone(clip: Path, tmp_path: Path) -> None:
    other = shutil.copy(clip, tmp_path / "other.mp4")
    cluster = InlineCluster(
        lambda task: "its disk is full" if (task.recording, task.part) == ("ward", 2) else None
    )
    first, second = run_on(cluster, [clip, other], tmp_path / "out", config=CONFIG).reports
    assert first.error == (
        "part 3 of 4 of ward failed 4 times on the cluster, at last because of this: its disk is full"
    )
    assert (second.error, second.frames) == (None, 300)
    assert not [task for task in cluster.done if task.recording == "ward" and task.work is judge]


class StoppedCluster(InlineCluster):
    """Somebody presses Ctrl-C after some tasks."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after
        self.is_cancelled = False

    def submit(self, task: Task) -> None:
        if len(self.done) >= self._after:
            raise KeyboardInterrupt
        super().submit(task)

    def cancel(self) -> None:
        self.is_cancelled = True
        super().cancel()


def test_ctrl_c_stops_and_a_second_run_goes_on(clip: Path, tmp_path: Path) -> None:
    run_here([clip], tmp_path / "here", config=CONFIG)
    stopped = StoppedCluster(after=3)
    run = run_on(stopped, [clip], tmp_path / "there", config=CONFIG)
    assert stopped.is_cancelled
    assert [(r.input, r.error, r.interrupted) for r in run.reports] == [("ward", "interrupted", True)]
    before = looked_at(stopped)
    assert 0 < len(before) < 4
    cluster = InlineCluster()
    run = run_on(cluster, [clip], tmp_path / "there", config=CONFIG)
    assert sorted(map(str, looked_at(cluster) + before)) == ["0", "1", "2", "3"]  # each of them once
    assert (run.driver.seen_before, run.driver.seen) == (len(before), 4 - len(before))
    assert_same_results(tmp_path / "here", tmp_path / "there", names=["ward"])


def test_what_is_finished_is_not_done_again_unless_something_has_changed(clip: Path, tmp_path: Path) -> None:
    mine, out = Path(shutil.copy2(clip, tmp_path / "ward.mp4")), tmp_path / "out"
    first = run_on(InlineCluster(), [mine], out, config=CONFIG).reports
    cluster = InlineCluster()
    again = run_on(cluster, [mine], out, config=CONFIG)
    assert (again.driver.finished_before, again.driver.seen, len(cluster.done)) == (1, 0, 1)
    assert [counts(report) for report in again.reports] == [counts(report) for report in first]

    def is_done_again(config: Config = CONFIG) -> bool:
        return bool(run_on(InlineCluster(), [mine], out, config=config).driver.finished_before == 0)

    assert is_done_again(CONFIG.model_copy(update={"detector": DetectorConfig(size=320)}))
    (out / "ward.events.jsonl").unlink()
    assert is_done_again()
    mine.touch()
    assert is_done_again()
    assert not is_done_again()
