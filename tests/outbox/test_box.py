from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskcam.errors import OutputError
from maskcam.outbox.base import Message
from maskcam.outbox.box import Outbox, OutboxLimits
from tests.cli import ROOT
from tests.outbox.messages import join, make_message, texts


def drain(box: Outbox) -> list[Message]:
    messages = []
    while (message := box.first()) is not None:
        messages.append(message)
        box.remove([message.number])
    return messages


def test_messages_come_out_as_they_went_in_and_in_order(tmp_path: Path) -> None:
    with Outbox(tmp_path / "new" / "o.sqlite", "mqtt") as box:
        box.append([make_message("a"), make_message("b", camera="Küche/+#")])
        box.append([make_message("c", phase="ended")])
        found = drain(box)
    assert texts(found) == ["a", "b", "c"]
    assert [(m.camera, m.phase) for m in found] == [
        ("door", "started"),
        ("Küche/+#", "started"),
        ("door", "ended"),
    ]
    assert len({m.number for m in found}) == 3


def test_receivers_share_a_file_and_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as a, Outbox(path, "b") as b:
        a.append([make_message("for a")])
        b.append([make_message("for b")])
        assert (texts(drain(a)), texts(drain(b))) == (["for a"], ["for b"])


def test_pictures_of_people_are_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as box:
        box.append([make_message()])
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_what_was_delivered_leaves_no_trace_and_no_room_taken(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as box:
        empty = path.stat().st_size
        box.append([make_message("secret face", size=500_000)])
        drain(box)
    assert path.stat().st_size <= empty + 4096
    assert b"secret face" not in path.read_bytes()


def test_the_oldest_updates_make_room_first_then_the_oldest(tmp_path: Path) -> None:
    phases = ["started", "updated", "updated", "ended", "started", "updated"]
    with Outbox(tmp_path / "o.sqlite", "a", limits=OutboxLimits(megabytes=0.01)) as box:
        dropped = [
            box.append([make_message(str(i), phase=phase, size=2000)]) for i, phase in enumerate(phases)
        ]
        assert dropped == [0, 0, 0, 0, 1, 1], "four of 2300 bytes fit into 10,000"
        for i in range(6, 9):
            box.append([make_message(str(i), size=2000)])
        assert box.dropped() == 5
        assert texts(drain(box)) == ["4", "6", "7", "8"]
    with Outbox(tmp_path / "o.sqlite", "a") as box:
        assert box.dropped() == 5, "counted over restarts"


def test_what_is_too_old_is_dropped_also_of_receivers_no_longer_in_use(tmp_path: Path) -> None:
    path, now = tmp_path / "o.sqlite", time.time()
    with Outbox(path, "gone") as gone, Outbox(path, "a", limits=OutboxLimits(hours=1)) as box:
        gone.append([make_message("x", created_seconds=now - 4000)])
        box.append([make_message("old", created_seconds=now - 4000)])
        box.append([make_message("new", created_seconds=now - 3000)])
        assert texts(drain(box)) == ["new"]
        assert (box.dropped(), gone.dropped(), gone.count()) == (1, 1, 0)


@pytest.mark.parametrize("created", [100.0, time.time() + 1e6], ids=["back", "ahead"])
def test_a_clock_that_jumps_drops_nothing(tmp_path: Path, created: float) -> None:
    with Outbox(tmp_path / "o.sqlite", "a", limits=OutboxLimits(hours=1)) as box:
        box.append([make_message("before", created_seconds=created)])
        box.append([make_message("after")])
        assert texts(drain(box)) == ["before", "after"]


def test_held_messages_wait_for_their_summary_and_take_the_rest_of_their_violation_along(
    tmp_path: Path,
) -> None:
    with Outbox(tmp_path / "o.sqlite", "a") as box:
        box.append([make_message("1", is_held=True), make_message("2", key="other"), make_message("3")])
        box.append([make_message("4", camera="gate", key="gate", is_held=True)])
        first = box.first()
        assert first is not None
        assert texts([first]) == ["2"]
        held = {camera: box.held(camera) for camera in box.held_since()}
        assert {camera: texts(messages) for camera, messages in held.items()} == {
            "door": ["1", "3"],
            "gate": ["4"],
        }
        assert box.held_since() == {camera: messages[0].created_seconds for camera, messages in held.items()}
        box.append([make_message("5", key="another")])
        box.sum_up(held["door"], join(held["door"]))
        assert texts(drain(box)) == ["2", "1+3", "5"]
        assert box.count() == 1


def test_only_one_delivers(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as other, Outbox(path, "a") as mine, Outbox(path, "b") as another:
        assert other.claim()
        assert other.claim(), "twice is fine"
        assert not mine.claim()
        assert another.claim(), "of another receiver"
        other.close()
        assert mine.claim()


WRITER = """
import sys
from pathlib import Path
from maskcam.outbox.box import Outbox
from tests.outbox.messages import make_message
with Outbox(Path(sys.argv[1]), "a") as box:
    box.claim()
    for i in range(int(sys.argv[2]), 1_000_000):
        box.append([make_message(str(i), size=20_000)])
        print(i, flush=True)
"""


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    path, stored = tmp_path / "o.sqlite", 0
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(stored)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(0.03 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        lines = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        with Outbox(path, "a") as box:
            assert box.claim(), "a killed process holds nothing back"
            count = box.count()
        acknowledged = int(lines[-1]) + 1 if lines else stored + 1
        assert count in (acknowledged, acknowledged + 1), "one may be stored whose number was not printed yet"
        stored = count
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    with Outbox(path, "a") as box:
        assert texts(drain(box)) == [str(i) for i in range(stored)]


def test_a_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as box:
        for i in range(50):
            box.append([make_message(str(i), size=3000)])
    data = bytearray(path.read_bytes())
    data[4096:12288] = os.urandom(8192)
    path.write_bytes(data)
    said: list[str] = []
    with Outbox(path, "a", tell=said.append) as box:
        (aside,) = tmp_path.glob("o.sqlite.damaged-*")
        assert aside.read_bytes() == data
        assert said == [f"the outbox {path} was damaged: it begins anew, and what was there is now {aside}"]
        box.append([make_message("new")])
        assert texts(drain(box)) == ["new"]


def test_a_file_that_is_damaged_or_removed_while_in_use_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, "a") as reader, Outbox(path, "a") as writer:
        writer.append([make_message("1")])
        for file in tmp_path.iterdir():
            file.unlink()
        writer.append([make_message("2")])
        assert texts(drain(reader)) == ["2"], "the reader follows"


@pytest.mark.parametrize("name", ["maskcam.toml", "photo.jpg"])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("something else " * 1000)
    with pytest.raises(OutputError, match="not a database"):
        Outbox(path, "a")
    assert path.read_text() == "something else " * 1000
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_database_of_something_else_and_one_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (a)")
    db.close()
    with pytest.raises(OutputError, match="database of something else"):
        Outbox(path, "a")
    path = tmp_path / "newer.sqlite"
    Outbox(path, "a").close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(OutputError, match="newer maskcam"):
        Outbox(path, "a")


@pytest.mark.parametrize("place", ["/proc/nowhere/o.sqlite", "/dev/null/o.sqlite"])
def test_a_place_that_cannot_be_written_is_one_sentence(place: str) -> None:
    with pytest.raises(OutputError, match=r"cannot use the outbox .*: make room or set \[outbox\] path"):
        Outbox(Path(place), "a")


def test_a_locked_file_can_be_used_later(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    Outbox(path, "a").close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with Outbox(path, "a", busy_seconds=0.05) as box:
        with pytest.raises(OutputError, match="locked"):
            box.append([make_message("1")])
        other.execute("ROLLBACK")
        other.close()
        box.append([make_message("2")])
        assert texts(drain(box)) == ["2"]
