from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam.store.store import EventStore
from tests.sinks.brokers import Mosquitto
from tests.store.conftest import postgres

__all__ = ["postgres"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """Of a site."""
    with EventStore.open(tmp_path / "site.db") as opened:
        yield opened


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Mosquitto(folder) as running:
        yield running
