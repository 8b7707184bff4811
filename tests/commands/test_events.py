"""`maskcam events` over a store with a few violations."""

import csv
import json
import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pyarrow.parquet
import pytest

from maskcam.commands.events.options import parse_time
from maskcam.errors import InputError
from maskcam.store.records import ClipFile, ClipRecord, ViolationQuery
from maskcam.store.store import EventStore
from maskcam.types import MaskStatus
from tests.cli import Outcome, run_cli
from tests.factories import make_image
from tests.store.rows import NOON, RUN, make_counts, make_record

Events = Callable[..., Outcome]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "events.db"
    jpeg = cv2.imencode(".jpg", make_image())[1].tobytes()
    with EventStore.open(path) as store:
        for number in range(1, 6):
            pictures = store.media.save(
                frame=jpeg,
                face=jpeg,
                stem="door",
                run_id=RUN,
                serial=number,
                day=NOON + timedelta(days=number),
            )
            store.record(
                [
                    make_record(
                        number,
                        minutes=1440 * number,
                        camera="door" if number % 2 else "=Küche",
                        status=MaskStatus.INCORRECT if number == 3 else MaskStatus.NO_MASK,
                        seconds=None if number == 5 else 75.0,
                        pictures=pictures,
                    )
                ]
            )
        store.protect(1)
        store.record(
            make_counts(minute, camera=camera) for minute in (0, 1, 90) for camera in ("door", "gate")
        )
    return path


@pytest.fixture
def events(path: Path, capsys: pytest.CaptureFixture[str]) -> Events:
    def run(*args: object) -> Outcome:
        return run_cli(capsys, "events", *args, "--store", path)

    return run


def listed(done: Outcome) -> list[int]:
    assert done.code == 0, done.err
    return [violation["id"] for violation in json.loads(done.out)]


def test_list(events: Events) -> None:
    done = events("list")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["5", "4", "3", "2", "1"]
    assert "goes on" in lines[1]
    assert re.search(r"1 min 15 s +no mask +door +protected", lines[5])
    assert "The newest 2 of 5" in events("list", "-n", 2).out


def test_list_filters(events: Events) -> None:
    assert listed(events("list", "--json")) == [5, 4, 3, 2, 1]
    assert listed(events("list", "--json", "--since", "2026-05-06")) == [5, 4, 3, 2]
    assert listed(events("list", "--json", "--since", "2026-05-06", "--until", "2026-05-07T00:00+00:00")) == [
        2
    ]
    assert listed(events("list", "--json", "--camera", "=Küche")) == [4, 2]
    assert listed(events("list", "--json", "--camera", "door", "--status", "No-Mask")) == [5, 1]
    assert listed(events("list", "--json", "--protected")) == [1]
    assert events("list", "--camera", "nowhere").out == "No violations that fit.\n"


def test_show(events: Events, path: Path) -> None:
    out = events("show", 1).out
    for words in (
        "door",
        "no mask from",
        "for 1 min 15 s",
        "face of 40x50 pixels",
        "protected",
        f"{RUN}/door/1",
    ):
        assert words in out
    picture = path.with_name("events.media") / "2026-05-05" / f"door_{RUN[:12]}_1.jpg"
    assert str(picture) in out
    picture.unlink()
    assert f"{picture} (missing)" in events("show", 1).out
    shown = json.loads(events("show", 5, "--json").out)
    assert (shown["id"], shown["ended_at"], shown["box_xyxy"]) == (5, None, [10.0, 20.0, 50.0, 70.5])
    assert shown["transitions"][0]["status"] == "no_mask"


def test_mark(events: Events, path: Path) -> None:
    assert events("mark", 2, 3, "--protected", "--false-alarm").code == 0
    assert events("mark", 1, "--unprotected").code == 0
    with EventStore.open(path) as store:
        assert {v.id for v in store.violations(ViolationQuery(is_protected=True))} == {2, 3}
        assert {v.id for v in store.violations(ViolationQuery(is_false_alarm=True))} == {2, 3}


def test_export_csv(events: Events, tmp_path: Path) -> None:
    done = events("export", "-o", tmp_path / "new" / "v.csv")
    assert done.code == 0, done.err
    assert "5 violations" in done.out
    with (tmp_path / "new" / "v.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert rows[1]["camera"] == "'=Küche", "a spreadsheet would compute it"
    assert rows[0]["started_at"] == (NOON + timedelta(days=1)).isoformat()
    assert (rows[0]["seconds"], rows[4]["seconds"]) == ("75.0", "")
    assert rows[0]["transitions"] == "no_mask 75.0"


def test_export_json_and_parquet_say_the_same(events: Events, tmp_path: Path) -> None:
    for name in ("v.json", "v.parquet"):
        assert events("export", "-o", tmp_path / name, "--status", "no_mask").code == 0
    objects = json.loads((tmp_path / "v.json").read_text())
    table = pyarrow.parquet.read_table(tmp_path / "v.parquet").to_pylist()
    assert [row["id"] for row in table] == [row["id"] for row in objects] == [1, 2, 4, 5]
    assert table[0]["started_at"] == datetime.fromisoformat(objects[0]["started_at"])
    assert table[3]["ended_at"] is None
    assert table[1]["camera"] == objects[1]["camera"] == "=Küche"


def test_export_zip_has_the_pictures(events: Events, path: Path, tmp_path: Path) -> None:
    (path.with_name("events.media") / "2026-05-05" / f"door_{RUN[:12]}_1.jpg").unlink()
    assert events("export", "-o", tmp_path / "v.zip", "--camera", "door").code == 0
    with zipfile.ZipFile(tmp_path / "v.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        objects = json.loads(archive.read("violations.json"))
    assert {"violations.csv", "violations.json"} < set(names)
    assert f"pictures/{objects[1]['picture']}" in names
    assert len(names) == 2 + 2 * 3 - 1, "one was gone"


def test_half_an_export_is_none(events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "v.csv").write_text("of yesterday")
    monkeypatch.setattr("maskcam.store.exporting.write_csv", full)
    done = events("export", "-o", tmp_path / "v.csv")
    assert (done.code, done.err) == (
        1,
        f"Error: cannot write {tmp_path / 'v.csv'}: no space left on device\n",
    )
    assert (tmp_path / "v.csv").read_text() == "of yesterday"
    assert not list(tmp_path.glob(".v*"))


def test_prune(events: Events, path: Path) -> None:
    done = events("prune", "--yes", "--keep-days", 1)
    assert done.code == 0, done.err
    assert "3 violations removed" in done.out
    with EventStore.open(path) as store:
        assert {violation.number for violation in store.violations()} == {1, 5}, "protected, or not over"
    assert (
        "1 more lost clips or pictures"
        in events("prune", "-y", "--keep-days", 0, "--keep-gigabytes", 1e-9).out
    )


def test_stats(events: Events) -> None:
    done = events("stats")
    assert done.code == 0, done.err
    assert "75% masked (95% interval 55% to 88%) of 24 judged people-minutes; 5 violations" in done.out
    assert re.search(r"door +12 +9 +3 +0 +0 +75% ", done.out)
    assert re.search(r"all +24 ", done.out)
    assert len(re.findall(r"75% of \d+", done.out)) == 2, "two hours"
    assert "Masked, by the day" in events("stats", "--per", "day").out
    assert events("stats", "--since", "1h").out == "Nobody was judged in this time.\n"


def test_stats_for_programs_and_as_a_picture(events: Events, tmp_path: Path) -> None:
    done = events("stats", "--json", "--camera", "door", "--png", tmp_path / "chart.png")
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["total"]["rate"] == 0.75
    assert figures["total"]["judged"] == 12
    assert [row["name"] for row in figures["cameras"]] == ["door"]
    assert len(figures["hour"]) == 2
    assert cv2.imread(str(tmp_path / "chart.png")).shape[1] == 1200


def test_output_fits_in_80_columns(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from maskcam.commands.events.stats import hour_of
    from maskcam.commands.events.tables import details, print_chart, violations_table
    from maskcam.store.statistics import grouped

    with EventStore.open(path) as store:
        console = Console(width=80)
        found = store.violations()
        long = [replace(violation, camera="long " * 30) for violation in found]
        console.print(violations_table(long))
        console.print(details(long[0], store.media))
        print_chart(console, grouped(store.counts(), hour_of))
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["list", "--since", "soon"], "--since takes 2026-05-04"),
        (["list", "--status", "mask"], "--status takes no_mask or incorrect"),
        (["show", "99"], "there is no violation 99"),
        (["mark", "1"], "nothing to mark"),
        (["mark", "1", "99", "--protected"], "there is no violation 99"),
        (["export", "-o", "v.xls"], "must end in .csv, .json, .parquet, .zip"),
        (["stats", "--per", "year"], "--per takes hour or day"),
        (["stats", "--png", "chart.gif"], "a chart is a .png file"),
        (["stats", "--png", "chart.png", "--camera", "x"], "nothing to draw"),
    ],
)
def test_bad_input(events: Events, args: list[str], words: str) -> None:
    done = events(*args)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def test_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "events", "list")
    assert (done.code, "add --store FILE" in done.err) == (2, True)
    done = run_cli(capsys, "events", "list", "--store", tmp_path / "typo.db")
    assert (done.code, "there is no event store at" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("module", "args", "extra"),
    [
        ("pyarrow", ["export", "-o", "v.parquet"], "maskcam[parquet]"),
        ("matplotlib.figure", ["stats", "--png", "c.png"], "maskcam[charts]"),
    ],
)
def test_a_missing_extra_is_named(
    events: Events, module: str, args: list[str], extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    done = events(*args)
    assert done.code == 1
    assert f'pip install "{extra}"' in done.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04T10:00+02:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("90m", datetime(2026, 5, 4, 10, 30, tzinfo=UTC)),
        ("1.5 h", datetime(2026, 5, 4, 10, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 4, 27, 12, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert parse_time(text, flag="--since", now=NOON) == expected


def test_days_are_local() -> None:
    today = parse_time("today", flag="--since", now=NOON)
    yesterday = parse_time("yesterday", flag="--since", now=NOON)
    assert today is not None
    assert yesterday is not None
    assert today.astimezone().hour == yesterday.astimezone().hour == 0
    assert today.astimezone().date() - yesterday.astimezone().date() == timedelta(days=1)
    for text in ("99999999999w", "", "13:00", "2026-13-01"):
        with pytest.raises(InputError, match="--until takes"):
            parse_time(text, flag="--until")


@pytest.fixture
def clip(path: Path) -> str:
    """The name of the clip of the first violation."""
    with EventStore.open(path) as store:
        name = store.media.save_clip(
            lambda file: file.write_bytes(b"a clip"), stem="door", run_id=RUN, serial=1, day=NOON
        )
        store.record([ClipRecord(run_id=RUN, camera="door", number=1, clip=ClipFile(name, 6, 9.1, 3.4))])
    return name


def test_show_and_exports_name_the_clip(events: Events, path: Path, tmp_path: Path, clip: str) -> None:
    shown = events("show", 1).out
    assert f"{path.with_suffix('.media') / clip} (9 s, the violation from second 3.4 on)" in shown
    for name in ("a.csv", "a.json", "a.parquet", "a.zip", "b.zip"):
        done = events("export", "-o", tmp_path / name, *["--no-clips"] * (name == "b.zip"))
        assert done.code == 0, done.err
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["clip"] for row in csv.DictReader(file)] == [clip, "", "", "", ""]
    assert [row["clip"] for row in json.loads((tmp_path / "a.json").read_text())] == [clip, *[None] * 4]
    assert pyarrow.parquet.read_table(tmp_path / "a.parquet")["clip"].to_pylist() == [clip, *[None] * 4]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read(f"clips/{clip}") == b"a clip"
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("clips/")]
    (path.with_suffix(".media") / clip).unlink()
    assert "(missing)" in events("show", 1).out
