"""What 50 people who look on and 200 requests per second cost the analysis, all on one machine.

    python -m benchmarks.serve_load [--viewers 50] [--requests 200] [--seconds 20] [--json FILE]

`maskcam serve --demo` runs in a process of its own. Frames analysed per second are counted without load, with it, and
without again: three times each, in turns. Viewers read every picture that they are sent; requests list cameras and
events, get an event, and its picture. Whoever makes the load has the same cores to share.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process_speed import processor

WARM_UP_SECONDS = 20.0
"""Longer than the clip, so that there are events to ask for."""
TURNS = 3
CONNECTIONS = 8
"""Over which the requests go."""
PATHS = ("/api/v1/cameras", "/api/v1/events?limit=20", "/api/v1/events/1", "/api/v1/events/1/snapshot")


@dataclass
class Service:
    """A running `maskcam serve`."""

    host: str
    port: int
    token: str
    pid: int

    def analysed(self) -> float:
        """Frames so far."""
        text = self.get("/metrics")
        return float(re.findall(r"^maskcam_frames_analysed_total\{.*\} (\S+)$", text, re.MULTILINE)[0])

    def cpu_seconds(self) -> float:
        """Of the service's process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path: str) -> str:
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())

    def head(self, path: str) -> bytes:
        """A request, as it goes over the wire."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()
        )


@contextmanager
def serving(*flags: str, folder: Path | None = None) -> Iterator[Service]:
    """A service with these flags, started in a folder."""
    command = [sys.executable, "-m", "maskcam", "serve", "--port", "0", *flags]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://([^:]+):(\d+)/login\?key=(\S+)", process.stdout.readline())
            assert found is not None, "maskcam serve printed no link"
            yield Service(found[1], int(found[2]), found[3], process.pid)
        finally:
            process.terminate()
            process.communicate(timeout=30)


class Viewer(asyncio.Protocol):
    """Reads pictures and counts them."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.pictures = 0
        self.size_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.size_bytes += len(data)
        self.pictures += data.count(b"X-Camera: ")


@dataclass
class Load:
    """What came of it.

    Attributes:
        pictures_per_second: that each viewer got.
        megabytes_per_second: that all viewers got together.
        waits: seconds from each request to its answer.
        seconds: that it took.
    """

    pictures_per_second: list[float] = field(default_factory=list)
    megabytes_per_second: float = 0.0
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def ask(service: Service, every_seconds: float, until: float, waits: list[float]) -> None:
    """Asks at a steady rate over one connection; what comes too late is asked at once."""
    reader, writer = await asyncio.open_connection(service.host, service.port)
    due = time.monotonic()
    for path in itertools.cycle(PATHS):
        if due > until:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        started = time.monotonic()
        writer.write(service.head(path))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None, head
        await reader.readexactly(int(length[1]))
        waits.append(time.monotonic() - started)
        due += every_seconds
    writer.close()


async def load(service: Service, *, viewers: int, requests: float, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    made = Load()
    request = service.head("/api/v1/cameras/reception/live.mjpeg?width=640")
    watching = [
        (await loop.create_connection(lambda: Viewer(request), service.host, service.port))[1]
        for _ in range(viewers)
    ]
    started = time.monotonic()
    every = CONNECTIONS / requests
    await asyncio.gather(*(ask(service, every, started + seconds, made.waits) for _ in range(CONNECTIONS)))
    made.seconds = time.monotonic() - started
    for viewer in watching:
        viewer.transport.abort()
    made.pictures_per_second = [viewer.pictures / made.seconds for viewer in watching]
    made.megabytes_per_second = sum(viewer.size_bytes for viewer in watching) / made.seconds / 1e6
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--requests", type=float, default=200.0, help="per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rates: dict[str, list[float]] = {"without": [], "with": []}
    cores: dict[str, list[float]] = {"without": [], "with": []}
    loads: list[Load] = []
    with serving("--demo") as service:
        time.sleep(WARM_UP_SECONDS)
        for name in ("without", "with") * TURNS:
            frames, cpu, started = service.analysed(), service.cpu_seconds(), time.monotonic()
            if name == "without":
                time.sleep(args.seconds)
            else:
                loads.append(
                    asyncio.run(
                        load(service, viewers=args.viewers, requests=args.requests, seconds=args.seconds)
                    )
                )
            seconds = time.monotonic() - started
            rates[name].append((service.analysed() - frames) / seconds)
            cores[name].append((service.cpu_seconds() - cpu) / seconds)
            print(f"{name} load: {rates[name][-1]:.2f} fps, {cores[name][-1]:.2f} cores", flush=True)
    report(args, rates, cores, loads)


def report(
    args: argparse.Namespace, rates: dict[str, list[float]], cores: dict[str, list[float]], loads: list[Load]
) -> None:
    waits = sorted(wait for made in loads for wait in made.waits)
    before, during = statistics.median(rates["without"]), statistics.median(rates["with"])
    figures: dict[str, Any] = {
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "viewers": args.viewers,
        "requests per second wanted": args.requests,
        "requests per second": round(len(waits) / sum(made.seconds for made in loads), 1),
        "request p50 ms": round(1000 * waits[len(waits) // 2], 1),
        "request p99 ms": round(1000 * waits[len(waits) * 99 // 100], 1),
        "pictures per second and viewer, least": round(min(min(m.pictures_per_second) for m in loads), 2),
        "pictures per second and viewer, median": round(
            statistics.median(rate for made in loads for rate in made.pictures_per_second), 2
        ),
        "megabytes per second": round(statistics.median(made.megabytes_per_second for made in loads), 1),
        "analysed fps without load": [round(rate, 2) for rate in rates["without"]],
        "analysed fps with load": [round(rate, 2) for rate in rates["with"]],
        "falls by percent": round(100 * (1 - during / before), 1),
        "cores of the service without load": round(statistics.median(cores["without"]), 2),
        "cores of the service with load": round(statistics.median(cores["with"]), 2),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if args.json is not None:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
