"""`kill -9` at random moments while violations are written; `benchmarks/store_kill.py` does it more often."""

import random
from pathlib import Path

import pytest

from tests.postgres import running_server
from tests.sinks.killing import kill_once


@pytest.mark.parametrize("seed", range(8))
def test_killed_over_sqlite(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    path = tmp_path / "events.db"
    for _ in range(2 if seed == 0 else 1):  # the second one finds what the first one left
        done = kill_once(path, tmp_path / "media", violations_per_second=30, random_=random_)
        assert done.written
        # a second is promised for a machine that keeps up; this one may be busy with other tests
        assert done.lost_seconds < 5
        assert done.clips or done.written < 30


def test_killed_over_postgresql(tmp_path: Path) -> None:
    with running_server() as server:
        url = server.new_url()
        for seed in range(2):
            done = kill_once(url, tmp_path / "media", violations_per_second=30, random_=random.Random(seed))
            assert done.written
            assert done.lost_seconds < 5
