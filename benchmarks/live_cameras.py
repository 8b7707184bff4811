"""Four RTSP cameras at 1280x720 and 15 fps: frames analysed per second, and how old they are when they are judged.

    python -m benchmarks.live_cameras [--cameras 4] [--seconds 30] [--json FILE]

Beside it, in the same run, the loop that people write from tutorials, with the same detector and classifier: one camera
after another, `cv2.VideoCapture.read()` and a step for that frame. It analyses every frame, so what it cannot keep up
with waits in buffers: the frames that the camera has sent less those that were read, over the camera's rate, is how old
the picture on its screen is in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.process_speed import processor
from maskcam.config import Config
from maskcam.devices import share_cores
from maskcam.feeds import Feed
from maskcam.pixels import ArrayPixels
from maskcam.sinks.memory import MemorySink
from maskcam.sources import open_source
from maskcam.types import Frame, FrameResult, Image
from maskcam.watching import Watch
from tests.cameras import RtspCamera

WARM_UP_SECONDS = 5.0


class NoSink(MemorySink):
    """Keeps nothing: four cameras would fill the memory."""

    def write(self, result: FrameResult, picture: Image | None) -> None:
        pass


def main() -> None:
    share_cores()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with ExitStack() as stack:
        cameras = {
            f"camera {i + 1}": stack.enter_context(RtspCamera(fps=args.fps)) for i in range(args.cameras)
        }
        figures: dict[str, Any] = {
            "machine": f"{processor()}, {os.cpu_count()} cores",
            "cameras": args.cameras,
            "camera_fps": args.fps,
            "maskcam": together(cameras, seconds=args.seconds),
            "one camera at a time": in_turn(cameras, seconds=args.seconds, fps=args.fps),
        }
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def together(cameras: dict[str, RtspCamera], *, seconds: float) -> dict[str, float]:
    """maskcam: newest frames of all cameras in one step."""
    feeds = [
        Feed(name=name, open=partial(open_source, camera.url, name=name)) for name, camera in cameras.items()
    ]
    latencies: list[float] = []
    counts = dict.fromkeys(cameras, 0)
    with Config().build_pipeline() as pipeline:
        sinks = dict.fromkeys(cameras, NoSink())
        watching = Watch(feeds, pipeline, sinks=sinks, realtime=False, on_violation=lambda _: None)
        start_seconds = time.monotonic()
        for _ in watching.run():
            passed_seconds = time.monotonic() - start_seconds - WARM_UP_SECONDS
            for camera in watching.cameras.values():
                if camera.frames > counts[camera.name]:
                    counts[camera.name] = camera.frames
                    if passed_seconds > 0:
                        latencies.append(camera.latency_seconds)
            if passed_seconds > seconds:
                break
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "analysed fps": round(len(latencies) / seconds, 2),
        "latency p50 ms": round(1000 * float(p50)),
        "latency p99 ms": round(1000 * float(p99)),
    }


def in_turn(cameras: dict[str, RtspCamera], *, seconds: float, fps: float) -> dict[str, float]:
    """The loop of the tutorials."""
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"
    with Config().build_pipeline() as pipeline, ExitStack() as stack:
        captures = {name: cv2.VideoCapture(camera.url) for name, camera in cameras.items()}
        for capture in captures.values():
            stack.callback(capture.release)
        start_seconds = time.monotonic()
        read = 0
        while time.monotonic() - start_seconds < seconds:
            for name, capture in captures.items():
                is_read, image = capture.read()
                if is_read:
                    now = time.monotonic()
                    pixels = ArrayPixels(np.asarray(image, np.uint8))
                    pipeline.step([Frame(pixels, read, now - start_seconds, now, name)])
                    read += 1
        passed_seconds = time.monotonic() - start_seconds
    return {
        "analysed fps": round(read / passed_seconds, 2),
        "seconds behind in the end": round(passed_seconds - read / len(cameras) / fps, 1),
        "after seconds": round(passed_seconds, 1),
    }


if __name__ == "__main__":
    main()
