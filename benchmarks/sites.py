"""How long a central place takes to show many sites: its pages, its API and its metrics.

    python -m benchmarks.sites [--sites 1000] [--cameras 10] [--json FILE]

A PostgreSQL of one's own gets a day of counts per minute from every camera, and fifty violations from each site.
`maskcam serve` on it then answers each request several times; the median and the longest are told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.process_speed import processor
from benchmarks.serve_load import Service, serving
from maskcam.store.address import parse_address
from maskcam.store.engine import make_engine
from maskcam.store.store import EventStore
from tests.postgres import running_server

TIMES = 5
PATHS = ("/sites", "/api/v1/sites", "/metrics", "/violations", "/api/v1/events?limit=20")
FILL = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL session_replication_role = replica",  # without looking up every camera that a row names
    "INSERT INTO sites (name, heard_at, waiting, version)"
    " SELECT 'site ' || i, now(), 0, '1.0' FROM generate_series(1, {sites}) i",
    "INSERT INTO cameras (name)"
    " SELECT s.name || '/camera ' || j FROM sites s, generate_series(1, {cameras}) j",
    "INSERT INTO site_cameras (camera_id, site_id, seen_at)"
    " SELECT c.id, s.id, now() FROM cameras c JOIN sites s ON split_part(c.name, '/', 1) = s.name",
    "INSERT INTO counts (minute, camera_id, run_id, people, masked, bare, incorrect, unsure, is_forwarded)"
    " SELECT date_trunc('minute', now()) - m * interval '1 minute', c.id, 'r', 4, 3, 1, 0, 0, true"
    " FROM cameras c, generate_series(0, 1439) m",
    "INSERT INTO violations (run_id, camera_id, number, revision, track_id, status, started_at, ended_at,"
    " started_seconds, ended_seconds, x1, y1, x2, y2, size_bytes, is_protected, is_false_alarm, updated_at,"
    " is_forwarded)"
    " SELECT 'r', (s.id - 1) * {cameras} + 1, n, 1, n, 'no_mask', now() - n * interval '10 minutes', now(), 0, 10,"
    " 0, 0, 9, 9, 0, false, false, now(), true FROM sites s, generate_series(1, 50) n",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--cameras", type=int, default=10, help="of each site")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = {
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "sites": args.sites,
        "cameras": args.sites * args.cameras,
        "counts": args.sites * args.cameras * 1440,
    }
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        url, folder = server.new_url(), Path(name)
        EventStore.open(url, media=folder / "media").close()
        fill(url, sites=args.sites, cameras=args.cameras)
        with serving("--store", url, folder=folder) as service:
            figures["seconds"] = {path: ask(service, path) for path in PATHS}
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def fill(url: str, *, sites: int, cameras: int) -> None:
    """Writes what the sites would have forwarded in a day."""
    engine = make_engine(parse_address(url))
    with engine.begin() as connection:
        for statement in FILL:
            connection.execute(text(statement.format(sites=sites, cameras=cameras)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def ask(service: Service, path: str) -> dict[str, float]:
    """Seconds to the whole answer, and its size."""
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        size_bytes = len(service.get(path))
        seconds.append(time.perf_counter() - start)
    return {
        "median": round(statistics.median(seconds), 3),
        "longest": round(max(seconds), 3),
        "kilobytes": round(size_bytes / 1000),
    }


if __name__ == "__main__":
    main()
