"""Databases that cannot be opened, and what they say."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from maskcam.errors import (
    InputError,
    MaskcamError,
    MissingLibraryError,
    OutputError,
    StoreError,
    StoreUnavailableError,
)
from maskcam.store.address import parse_address
from maskcam.store.records import Pictures
from maskcam.store.store import EventStore
from tests.postgres import PASSWORD, Server
from tests.store.conftest import Opener
from tests.store.rows import make_record
from tests.tools import require_tool


def is_one_sentence(error: MaskcamError) -> bool:
    return "\n" not in str(error) and "sqlalche" not in str(error) and PASSWORD not in str(error)


def test_a_damaged_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"this is no database, but somebody's file " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged or no SQLite database") as caught:
        EventStore.open(path)
    assert is_one_sentence(caught.value)
    assert "move it away" in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_damage_further_in_is_told_when_it_is_met(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with EventStore.open(path) as store:
        store.record(make_record(number) for number in range(2000))
    data = bytearray(path.read_bytes())
    data[160 * 1024 : -50 * 1024] = os.urandom(len(data) - 210 * 1024)  # behind the list of tables
    path.write_bytes(data)
    with EventStore.open(path) as store, pytest.raises(StoreError, match="damaged") as caught:
        store.violations()
    assert is_one_sentence(caught.value)


def test_the_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(StoreError, match=r"something else .* 'recipes'"):
        EventStore.open(path)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.touch()
    with EventStore.open(path) as store:
        assert store.violations() == []


def test_a_newer_database_is_refused(open_store: Opener) -> None:
    with open_store() as store, store._engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer maskcam .*'9999'.* update maskcam") as caught:
        open_store()
    assert is_one_sentence(caught.value)


def test_a_locked_database_may_be_free_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.store.engine.BUSY_SECONDS", 0.05)
    path = tmp_path / "events.db"
    with EventStore.open(path) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked by another program"):
            store.record([make_record()])
        assert store.violations() == [], "reading goes on"
        holder.execute("ROLLBACK")
        store.record([make_record()])
        holder.close()


def test_nothing_is_made_where_a_store_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no event store at"):
        EventStore.open(tmp_path / "typo.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_several_processes_may_make_the_same_store(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom maskcam.store.store import EventStore\n"
        "with EventStore.open(sys.argv[1]) as store: print(store.store_id)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "events.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    ids = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mysql://u:s3cret@h/db", "starts with mysql://"),
        ("sqlite://", "sqlite:///PATH"),
        ("postgresql://user:s3cret@host:port/db", "cannot be read"),
        (".", "is a folder"),
    ],
)
def test_addresses_that_are_none(target: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        EventStore.open(target)
    assert "s3cret" not in str(caught.value)


def test_addresses(tmp_path: Path) -> None:
    plain = parse_address(tmp_path / "a.db")
    assert parse_address(f"sqlite:///{tmp_path / 'a.db'}") == plain
    assert plain.media == tmp_path / "a.media"
    url = parse_address("postgres://u:s3cret@db.example:5433/ward?password=s3cret")
    assert url.name == "postgresql://db.example:5433/ward"
    assert "s3cret" not in url.name


def test_a_server_that_is_away(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_url()
    with EventStore.open(url, media=tmp_path) as store:
        store.record([make_record()])
        postgres.stop()
        try:
            with pytest.raises(StoreUnavailableError, match="does not answer") as caught:
                store.record([make_record(2)])
            assert is_one_sentence(caught.value)
            with pytest.raises(StoreUnavailableError):
                EventStore.open(url, media=tmp_path)
        finally:
            postgres.start()
        store.record([make_record(2)])
        assert store.totals().violations == 2


def test_a_wrong_password_is_not_shown(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_url().replace("s3cret", "wr0ng")
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        EventStore.open(url, media=tmp_path)
    assert "wr0ng" not in str(caught.value)
    assert is_one_sentence(caught.value)


def test_without_the_client_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "maskcam\[postgres\]"'):
        EventStore.open("postgresql://localhost/x", media=tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another"):
        EventStore.open(tmp_path / "file" / "events.db")


def test_a_read_only_disk(tmp_path: Path) -> None:
    """A mount rather than permissions: those do not hold for root."""
    mount, umount = require_tool("mount"), require_tool("umount")
    (tmp_path / "store").mkdir()
    with EventStore.open(tmp_path / "store" / "events.db") as store:
        store.record([make_record()])
    done = subprocess.run(
        [mount, "--bind", str(tmp_path / "store"), str(tmp_path / "store")], capture_output=True
    )
    if done.returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run([mount, "-o", "remount,ro,bind", str(tmp_path / "store")], check=True)
        for path in ("events.db", "new.db", "sub/new.db"):
            with pytest.raises(OutputError) as caught, EventStore.open(tmp_path / "store" / path) as store:
                store.record([make_record()])
            assert is_one_sentence(caught.value)
            assert "choose" in str(caught.value)
    finally:
        subprocess.run([umount, str(tmp_path / "store")], check=True)


def test_pictures_stay_in_their_folder(store: EventStore) -> None:
    with pytest.raises(ValueError, match="lies below"):
        store.media.path("../../etc/passwd")
    with pytest.raises(ValueError, match="lies below"):
        store.media.remove([Pictures("/etc/hostname", "x", 0)])


def test_a_folder_of_pictures_belongs_to_one_store(tmp_path: Path) -> None:
    with EventStore.open(tmp_path / "a.db", media=tmp_path / "m") as one:
        one.media.claim(one.store_id)
        one.media.claim(one.store_id)
    with (
        EventStore.open(tmp_path / "b.db", media=tmp_path / "m") as two,
        pytest.raises(StoreError, match="belongs to another event store"),
    ):
        two.media.claim(two.store_id)
