from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maskcam.store.store import EventStore
from tests.postgres import Server, running_server

Opener = Callable[[], EventStore]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same empty store each time it is called, over one database or the other."""
    target = str(tmp_path / "events.db")
    if request.param == "postgresql":
        target = request.getfixturevalue("postgres").new_url()
    opened: list[EventStore] = []

    def opener() -> EventStore:
        opened.append(EventStore.open(target, media=tmp_path / "media"))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Opener) -> EventStore:
    return open_store()
