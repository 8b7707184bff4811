"""Sites and the central maskcam killed, database and broker stopped; `benchmarks/central.py` does it more often."""

import random
from pathlib import Path

from tests.central.killing import OverBroker, OverDatabase, Tally, compare, torment
from tests.postgres import running_server
from tests.sinks.brokers import Mosquitto


def check(tally: Tally, *, kills: int) -> None:
    assert (tally.lost, tally.doubled) == (0, 0), tally
    assert (tally.kills, tally.outages) == (kills, 1)
    assert tally.violations > 5, "machines may be slow, but not so slow"
    assert tally.minutes > 0


def test_over_a_database(tmp_path: Path) -> None:
    with running_server() as server, OverDatabase(server) as way:
        check(torment(way, tmp_path, rounds=3, per_second=20, random_=random.Random(1)), kills=3)


def test_over_a_broker(broker: Mosquitto, tmp_path: Path) -> None:
    with OverBroker(broker, tmp_path) as way:
        check(torment(way, tmp_path, rounds=4, per_second=20, random_=random.Random(2)), kills=5)


def test_the_comparison_sees_what_is_lost_and_doubled() -> None:
    tally = Tally()
    compare(tally, ["a", "b", "c"], ["a", "b", "b", "d"])
    assert (tally.lost, tally.doubled) == (1, 2)
