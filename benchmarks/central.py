"""Kills two sites and what they forward to, again and again, and counts what is lost or doubled; how quick it all is.

    python -m benchmarks.central [--rounds 18] [--json FILE]

For PostgreSQL and for MQTT: two processes see 20 violations a second each, in three reports each. In turn one of them
is killed (SIGKILL), the database or broker is stopped for up to a second, and, over MQTT, the central maskcam is
killed. In the end every violation (its revision, end and transitions) and every minute's counts at the sites are
compared with those of the central store. Then, with all well: the delay from an event to its row in the central store;
and how many records a second arrive when one site had none taken for a while.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process_speed import processor
from maskcam.central.forwarder import Forwarder
from maskcam.sinks.store import StoreSink
from maskcam.store.store import EventStore
from tests.central.killing import OverBroker, OverDatabase, Way, make_link, torment
from tests.factories import make_frame, make_image, make_result, make_violation
from tests.postgres import running_server
from tests.sinks.brokers import Mosquitto
from tests.store.rows import NOON, make_counts, make_record

PER_SECOND = 20.0
EVENTS = 300
BACKLOG = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=18)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    machine = f"{processor()}, {os.cpu_count()} cores"
    print(machine)
    figures: dict[str, Any] = {"machine": machine, "sites": 2, "rounds": args.rounds}
    with tempfile.TemporaryDirectory() as folder, running_server() as server, OverDatabase(server) as way:
        figures["postgresql"] = measure(way, Path(folder), args.rounds)
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(Path(folder)) as broker,
        OverBroker(broker, Path(folder)) as way,
    ):
        figures["mqtt"] = measure(way, Path(folder), args.rounds)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(way: Way, folder: Path, rounds: int) -> dict[str, Any]:
    tally = torment(way, folder, rounds=rounds, per_second=PER_SECOND, random_=random.Random(2026))
    figures = asdict(tally) | {"delay": delays(way, folder), "catching up": catch_up(way, folder)}
    print(json.dumps({type(way).__name__: figures}, indent=2), flush=True)
    return figures


def delays(way: Way, folder: Path) -> dict[str, float]:
    """Seconds from the frame that starts a violation to its row in the central store, for violations of one report."""
    path, site = folder / "quick.db", "quick"
    opened = EventStore.open(path)
    picture = make_image((64, 48))
    with (
        Forwarder(opened, make_link(way.url, site, opened)),
        StoreSink(EventStore.open(path), run_id=uuid.uuid4().hex, pictures=False) as sink,
    ):
        for number in range(1, EVENTS + 1):
            frame = make_frame(image=picture, index=number, pts_seconds=1.25)  # that is when they start
            frame = replace(frame, captured_seconds=time.monotonic())
            sink.write(make_result(frame, (), (make_violation(violation_id=number),)), None)
            time.sleep(1 / PER_SECOND)
    with way.open_store() as central:
        seconds = [
            (violation.updated_at - violation.started_at).total_seconds()
            for violation in central.violations()
            if violation.camera.startswith(f"{site}/")
        ]
    assert len(seconds) == EVENTS
    p50, p99 = np.quantile(seconds, (0.5, 0.99))
    return {"events": EVENTS, "p50 s": round(p50, 3), "p99 s": round(p99, 3), "max s": round(max(seconds), 3)}


def catch_up(way: Way, folder: Path) -> dict[str, float]:
    """What a site has gathered while nobody took it: half violations, half minutes."""
    path, site = folder / "slow.db", "slow"
    run_id = uuid.uuid4().hex
    with EventStore.open(path) as store:
        for start in range(0, BACKLOG // 2, 1000):
            numbers = range(start, start + 1000)
            store.record(make_record(number, minutes=number, run_id=run_id) for number in numbers)
            store.record(make_counts(number, run_id=run_id) for number in numbers)
        assert NOON + timedelta(minutes=BACKLOG) < datetime.now(UTC)
        opened = EventStore.open(path)
        start_seconds = time.monotonic()
        with Forwarder(opened, make_link(way.url, site, opened)):
            while store.waiting(limit=1)[
                0
            ]:  # not all the time: to look costs the site's disk something as well
                time.sleep(0.2)
        seconds = time.monotonic() - start_seconds
    return {"records": BACKLOG, "records per second": round(BACKLOG / seconds)}


if __name__ == "__main__":
    main()
