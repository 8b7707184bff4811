"""Two sites and a central place as processes that are killed, with outages of what is between them, and what is left.

python -m tests.central.killing site STORE URL NAME PER_SECOND
python -m tests.central.killing receive STORE URL
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskcam.central import forwarder as forwarder_module
from maskcam.central.base import Link
from maskcam.central.database import DatabaseLink
from maskcam.central.forwarder import Forwarder
from maskcam.central.mqtt import MqttLink
from maskcam.central.receiving import SiteReceiver
from maskcam.closing import Closing
from maskcam.sinks.mqtt import Broker
from maskcam.sinks.store import StoreSink
from maskcam.store.store import EventStore
from maskcam.types import MaskStatus, ViolationPhase
from tests.central.places import content
from tests.factories import make_frame, make_image, make_result, make_track, make_violation
from tests.postgres import Server
from tests.sinks.brokers import Mosquitto, wait_until

SITES = ("north", "south")
_STEP_SECONDS = 3.0
"""Between two frames, by their own clock, so that many minutes pass; they lie in the past, and so are over."""


@dataclass
class Tally:
    """What became of all records.

    Attributes:
        violations: that the sites have.
        minutes: of counts, likewise.
        lost: records that the central place lacks, or has otherwise.
        doubled: records that it has more than once, or that no site has.
        kills: of sites and of the central maskcam.
        outages: of the database or broker.
    """

    violations: int = 0
    minutes: int = 0
    lost: int = 0
    doubled: int = 0
    kills: int = 0
    outages: int = 0


class Way(Closing, ABC):
    """How sites reach the central place."""

    url: str

    @abstractmethod
    def interrupt(self, seconds: float) -> None:
        """Nobody is reached for so long."""

    @abstractmethod
    def open_store(self) -> EventStore:
        """The central one."""

    def kill_central(self) -> bool:
        """Kills the maskcam at the central place, and starts it again; False where there is none to kill."""
        return False


@dataclass
class OverDatabase(Way):
    server: Server
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.server.new_url()

    def interrupt(self, seconds: float) -> None:
        self.server.stop()
        time.sleep(seconds)
        self.server.start()

    def open_store(self) -> EventStore:
        return EventStore.open(self.url)


@dataclass
class OverBroker(Way):
    broker: Mosquitto
    folder: Path
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"mqtt://127.0.0.1:{self.broker.port}"
        self._central = run("receive", self.folder / "central.db", self.url)

    def interrupt(self, seconds: float) -> None:
        self.broker.stop()
        time.sleep(seconds)
        self.broker.start()

    def open_store(self) -> EventStore:
        return EventStore.open(self.folder / "central.db")

    def kill_central(self) -> bool:
        self.close()
        self._central = run("receive", self.folder / "central.db", self.url)
        return True

    def close(self) -> None:
        self._central.kill()
        self._central.wait()


def run(*arguments: object) -> subprocess.Popen[bytes]:
    """Starts a process, and waits until it does its work: killed before, it would show nothing."""
    command = [sys.executable, "-m", "tests.central.killing", *map(str, arguments)]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline(), f"{command} did not start"
    process.stdout.close()
    return process


def torment(way: Way, folder: Path, *, rounds: int, per_second: float, random_: random.Random) -> Tally:
    """Kills and interrupts again and again while two sites see violations; then lets all arrive, and compares."""
    tally = Tally()
    sites = {name: _start(name, way, folder, per_second) for name in SITES}
    try:
        for number in range(rounds):
            time.sleep(random_.uniform(0.3, 1.5))
            match number % 3:  # each in turn, so that a few rounds have all of them
                case 0:
                    name = random_.choice(SITES)
                    sites[name].kill()
                    sites[name].wait()
                    sites[name] = _start(name, way, folder, per_second)
                    tally.kills += 1
                case 1:
                    way.interrupt(random_.uniform(0.1, 1.0))
                    tally.outages += 1
                case _:
                    tally.kills += way.kill_central()
        time.sleep(1)
    finally:
        for process in sites.values():
            process.kill()
            process.wait()
    for name in SITES:
        drain(folder / f"{name}.db", way.url, name)
        tally.kills += 1
    with way.open_store() as central:
        for name in SITES:
            with EventStore.open(folder / f"{name}.db") as store:
                compare(tally, content(store), content(central, name))
                tally.violations += store.totals().violations
                tally.minutes += len(store.counts())
    return tally


def compare(tally: Tally, ours: list[object], theirs: list[object]) -> None:
    """Adds what is missing there, and what is there beyond."""
    tally.lost += (Counter(ours) - Counter(theirs)).total()
    tally.doubled += (Counter(theirs) - Counter(ours)).total()


def drain(path: Path, url: str, name: str) -> None:
    """What the next run does after a kill: writes what was left in files, ends what was open, forwards all."""
    with StoreSink(EventStore.open(path), run_id=uuid.uuid4().hex, pictures=False) as sink:
        wait_until(lambda: sink._has_recovered, seconds=60)
    with EventStore.open(path) as store, Forwarder(EventStore.open(path), make_link(url, name, store)):
        wait_until(lambda: not store.waiting(limit=1)[0], seconds=120)


def make_link(url: str, name: str, store: EventStore) -> Link:
    if url.startswith("mqtt"):
        return MqttLink(Broker.parse(url), site=name, answer_seconds=2.0)
    return DatabaseLink(url, site=name, own_id=store.store_id)


def _start(name: str, way: Way, folder: Path, per_second: float) -> subprocess.Popen[bytes]:
    return run("site", folder / f"{name}.db", way.url, name, per_second)


def watch_for_ever(path: Path, url: str, name: str, per_second: float) -> None:
    """Starts, betters and ends violations, one after another."""
    forwarder_module._LONGEST_WAIT_SECONDS = 0.5
    picture = make_image((64, 48))
    opened = EventStore.open(path)
    link = make_link(url, name, opened)
    with (
        Forwarder(opened, link, cameras=["door"], retry_seconds=0.1),
        StoreSink(EventStore.open(path), run_id=uuid.uuid4().hex, pictures=False) as sink,
    ):
        number = 0
        while True:
            number += 1
            pts_seconds = _STEP_SECONDS * number
            frame = make_frame(image=picture, index=number, pts_seconds=pts_seconds)
            frame = replace(frame, captured_seconds=time.monotonic() - 86_400 + pts_seconds)
            reports = [replace(make_violation(violation_id=number), started_seconds=pts_seconds)]
            if number > 1:
                reports.append(make_violation(ViolationPhase.UPDATED, violation_id=number - 1))
            if number > 2:
                reports.append(make_violation(ViolationPhase.ENDED, violation_id=number - 2))
            tracks = (make_track(track_id=number), make_track(status=MaskStatus.MASK, track_id=0))
            sink.write(make_result(frame, tracks, tuple(reports)), None)
            if number == 1:
                print("at work", flush=True)
            time.sleep(1 / per_second)


def receive_for_ever(path: Path, url: str) -> None:
    with SiteReceiver(EventStore.open(path), Broker.parse(url)):
        print("at work", flush=True)
        time.sleep(3600)


if __name__ == "__main__":
    if sys.argv[1] == "site":
        watch_for_ever(Path(sys.argv[2]), sys.argv[3], sys.argv[4], float(sys.argv[5]))
    receive_for_ever(Path(sys.argv[2]), sys.argv[3])
