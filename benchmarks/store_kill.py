"""Kills a process that writes violations with SIGKILL, again and again, and looks at what is left.

    python -m benchmarks.store_kill [--rounds 50] [--json FILE]

Each round starts a process that writes 60 violations a second, each with two versions of its pictures (1280x720) and a
clip, into the same store, kills it 0.2 to 2.5 s after its first one, and opens the store again. It fails when a picture
or clip of a row is missing or does not decode, when a file without a row is left, or when SQLite's integrity check
complains.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.process_speed import processor
from tests.postgres import running_server
from tests.sinks.killing import Round, kill_once

PER_SECOND = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    machine = f"{processor()}, {os.cpu_count()} cores"
    print(machine)
    figures: dict[str, Any] = {"machine": machine, "kills": args.rounds}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        figures["sqlite"] = many(args.rounds, lambda r: kill(path, Path(folder) / "media", r))
        figures["sqlite"]["integrity check"] = "ok after each kill"  # it ends the benchmark otherwise
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        url = server.new_url()
        figures["postgresql"] = many(args.rounds, lambda r: kill(url, Path(folder) / "media", r))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def kill(target: str | Path, media: Path, random_: random.Random) -> Round:
    return kill_once(target, media, violations_per_second=PER_SECOND, random_=random_)


def many(rounds: int, kill: Callable[[random.Random], Round]) -> dict[str, Any]:
    random_ = random.Random(2026)
    done: list[Round] = []
    for number in range(rounds):
        done.append(kill(random_))
        print(f"  kill {number + 1}: {done[-1]}", flush=True)
    figures = {
        "violations handed over": sum(each.written for each in done),
        "of these in the store": sum(each.stored for each in done),
        "seconds lost, at most": round(max(each.lost_seconds for each in done), 3),
        "pictures that decode": sum(each.pictures for each in done),
        "clips that decode": sum(each.clips for each in done),
        "pictures or clips missing or damaged": 0,
        "files without a row swept": sum(each.swept for each in done),
    }  # each kill ends the benchmark where a file is missing or damaged
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    main()
