"""Faces judged by a model server beside faces judged in the process, and a server that is killed under load.

python -m benchmarks.remote [--seconds 5] [--device auto] [--json benchmarks/results/remote.json]

All of it on this machine, over loopback: server and clients share its cores, which they do not in use. Clients are
processes, each with the faces of one frame (3 of the sample video) in a step and the next step at once. Then one client
per camera at a camera's pace, with maskcam's deadline, while the server is killed and started again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing.queues
import multiprocessing.synchronize
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from maskcam.benchmarking.machine import describe_machine
from maskcam.classifiers.base import RemoteState
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.crops import cut_crops
from maskcam.devices import share_cores
from maskcam.remote.model_pb2 import ClassifyRequest
from maskcam.remote.model_pb2_grpc import ModelStub
from maskcam.remote.wire import pack
from maskcam.sources import open_source
from maskcam.types import Image
from tests.remote.servers import RealServer

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "demo.mp4"
CLIENTS = (1, 4, 16)
FACES = 3
CAMERAS = 4
CAMERA_FPS = 10
WARM_UP_STEPS = 20
PATIENCE_SECONDS = 10.0
"""Of clients whose latency is measured: none of it is cut off."""

Latencies = list[float]
Barrier = multiprocessing.synchronize.Barrier
Queue = multiprocessing.queues.SimpleQueue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="per figure")
    parser.add_argument("--device", default="auto", help="of the server")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    share_cores()
    faces = sample_faces()
    with closing(
        RealServer("--device", args.device, "--precision", "auto", "--replicas", str(args.replicas))
    ) as server:
        rows = [
            measure(way, clients, server.port, faces, seconds=args.seconds)
            for clients in CLIENTS
            for way in ("in-process", "raw", "jpeg")
        ]
        killed = kill_and_restart(server, faces, seconds=6 * args.seconds)
    results: dict[str, Any] = {
        "machine": describe_machine().model_dump(),
        "replicas": args.replicas,
        "faces per step": FACES,
        "bytes per face": {way: pack(faces, way).ByteSize() // FACES for way in ("raw", "jpeg")},
        "throughput": rows,
        "killed and restarted": killed,
    }
    print(json.dumps(results, indent=2))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


def sample_faces() -> Image:
    """The faces of a step, (FACES, S, S, 3)."""
    with (
        DetectorConfig().build(device="cpu") as detector,
        ClassifierConfig().build(device="cpu") as classifier,
        open_source(str(SAMPLE)) as source,
    ):
        frames = [frame.pixels for frame in islice(source, 0, 300, 50)]
        boxes = [faces.boxes_xyxy for faces in detector.detect(frames)]
        crops = [cut_crops(*pair, classifier.crop) for pair in zip(frames, boxes, strict=True)]
    return np.concatenate(crops)[:FACES]


def measure(way: str, clients: int, port: int, faces: Image, *, seconds: float) -> dict[str, Any]:
    """Clients at full speed, all at the same time."""
    print(f"{way}, {clients} clients ...", flush=True)
    answers = run_clients(hurry, clients, way, port, faces, seconds)
    latencies = np.concatenate([latencies for latencies, _ in answers])
    sizes: Counter[int] = sum((sizes for _, sizes in answers), Counter())
    row: dict[str, Any] = {
        "way": way,
        "clients": clients,
        "faces per second": round(FACES * len(latencies) / seconds, 1),
        "p50 ms": round(1000 * float(np.percentile(latencies, 50)), 1),
        "p99 ms": round(1000 * float(np.percentile(latencies, 99)), 1),
    }
    if way != "in-process":
        # each request says how large its batch was: a batch of n faces is told of by the requests that shared it
        batches = {size: count * FACES / size for size, count in sizes.items()}
        row["batch, mean"] = round(sum(size * n for size, n in batches.items()) / sum(batches.values()), 1)
        row["batch, largest"] = max(sizes)
    return row


def run_clients(work: Callable[..., Any], clients: int, *args: object) -> list[Any]:
    """What `work` returns in each of several processes, which begin together."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(clients), context.SimpleQueue()
    processes = [context.Process(target=_client, args=(work, barrier, answers, args)) for _ in range(clients)]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def _client(work: Callable[..., Any], barrier: Barrier, answers: Queue, args: tuple[Any, ...]) -> None:
    share_cores()
    answers.put(work(barrier, *args))


def hurry(
    barrier: Barrier, way: str, port: int, faces: Image, seconds: float
) -> tuple[Latencies, Counter[int]]:
    """Step after step; seconds that each took, and how large the batches were that its faces went in."""
    sizes: Counter[int] = Counter()
    if way == "in-process":
        classifier = ClassifierConfig().build(device="auto")

        def step() -> int:
            return len(classifier.classify(faces))

    else:
        stub = ModelStub(grpc.insecure_channel(f"127.0.0.1:{port}"))  # type: ignore[no-untyped-call]

        def step() -> int:
            request = ClassifyRequest(crops=pack(faces, way))  # type: ignore[arg-type]
            return int(stub.Classify(request, timeout=PATIENCE_SECONDS).batch_size)

    for _ in range(WARM_UP_STEPS):
        step()
    barrier.wait()
    latencies: Latencies = []
    ends = time.perf_counter() + seconds
    while (begins := time.perf_counter()) < ends:
        sizes[step()] += 1
        latencies.append(time.perf_counter() - begins)
    return latencies, sizes


def kill_and_restart(server: RealServer, faces: Image, *, seconds: float) -> dict[str, Any]:
    """Cameras at their pace; after a third of the time the server is killed, and started again at once."""
    print(f"{CAMERAS} cameras, the server killed and restarted ...", flush=True)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(CAMERAS + 1), context.SimpleQueue()
    args = (server.url, faces, seconds)
    processes = [
        context.Process(target=_client, args=(watch, barrier, answers, args)) for _ in range(CAMERAS)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    time.sleep(seconds / 3)
    server.kill()
    begins = time.perf_counter()
    server.start()
    away_seconds = time.perf_counter() - begins
    cameras = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    return {
        "cameras": CAMERAS,
        "fps": CAMERA_FPS,
        "seconds": seconds,
        "server away, seconds": round(away_seconds, 1),
        "frames": sum(camera["frames"] for camera in cameras),
        "judged by the server": sum(camera["remote"]["remote_crops"] for camera in cameras) // FACES,
        "judged by the camera": sum(camera["remote"]["local_crops"] for camera in cameras) // FACES,
        "without status": sum(camera["without status"] for camera in cameras),
        "fall-backs per camera": [camera["remote"]["fallbacks"] for camera in cameras],
        "announcements per camera": [len(camera["said"]) for camera in cameras],
        "at the end judged by the server": all(camera["remote"]["is_up"] for camera in cameras),
        "p50 ms": round(float(np.median([camera["p50 ms"] for camera in cameras])), 1),
        "slowest step, ms": max(camera["slowest ms"] for camera in cameras),
    }


def watch(barrier: Barrier, url: str, faces: Image, seconds: float) -> dict[str, Any]:
    """One camera's frames, with the settings that maskcam has."""
    said: list[str] = []
    latencies: Latencies = []
    without = 0
    with ClassifierConfig(remote=url).build(device="cpu") as classifier:
        classifier.announce_to(said.append)
        barrier.wait()
        due = time.perf_counter()
        ends = due + seconds
        while due < ends:
            begins = time.perf_counter()
            without += len(classifier.classify(faces)) != FACES
            latencies.append(time.perf_counter() - begins)
            due += 1 / CAMERA_FPS
            time.sleep(max(0.0, due - time.perf_counter()))
        state = classifier.remote
        assert isinstance(state, RemoteState)
    return {
        "frames": len(latencies),
        "without status": without,
        "remote": asdict(state),
        "said": said,
        "p50 ms": 1000 * float(np.median(latencies)),
        "slowest ms": round(1000 * max(latencies)),
    }


if __name__ == "__main__":
    main()
