"""Model servers for tests: one in this process that misbehaves as told, and the real one in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from maskcam.classifiers.base import Classifier
from maskcam.config_sections import ClassifierConfig
from maskcam.remote.model_pb2 import ClassifyRequest, ClassifyResponse, DescribeRequest, Description
from maskcam.remote.model_pb2_grpc import ModelServicer, add_ModelServicer_to_server
from maskcam.remote.wire import unpack
from maskcam.weights import ModelCard, read_card, shipped_weights


@cache
def shipped_card() -> ModelCard:
    return read_card(shipped_weights("mobilenet_v2"))


def local_classifier() -> Classifier:
    # as everywhere in the tests of this room: other machines may compute in bfloat16, and no two batches alike
    return ClassifierConfig().build(device="cpu", backend="openvino", precision="float32")


class FakeModel(ModelServicer):
    """Judges with the shipped weights, unless told otherwise.

    Attributes:
        sizes: crops in each request that came.
        asked: how often it was asked what it is.
        fault: given instead of every answer.
        delay_seconds: before every judgement.
        token: that is asked for.
    """

    def __init__(self, card: ModelCard | None = None) -> None:
        self.card = card or shipped_card()
        self.sizes: list[int] = []
        self.asked = 0
        self.fault: grpc.StatusCode | None = None
        self.delay_seconds = 0.0
        self.token: str | None = None
        self._classifier = local_classifier()

    def Describe(self, request: DescribeRequest, context: grpc.ServicerContext) -> Description:  # noqa: ARG002, N802
        self.asked += 1
        self._may_fail(context)
        return Description(card_json=self.card.model_dump_json(), device="a fake", largest_request=8)

    def Classify(self, request: ClassifyRequest, context: grpc.ServicerContext) -> ClassifyResponse:  # noqa: N802
        crops = unpack(request.crops)
        self.sizes.append(len(crops))
        self._may_fail(context)
        time.sleep(self.delay_seconds)
        verdicts = self._classifier.classify(np.stack(crops))
        values = [value for verdict in verdicts for value in verdict.probabilities.values()]
        return ClassifyResponse(probabilities=values, batch_size=len(crops))

    def _may_fail(self, context: grpc.ServicerContext) -> None:
        if self.token is not None and ("authorization", f"Bearer {self.token}") not in [
            (key, value) for key, value in context.invocation_metadata()
        ]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        if self.fault is not None:
            context.abort(self.fault, "as told")


@contextmanager
def fake_server(
    model: FakeModel, *, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> Iterator[int]:
    """Serves a fake; gives its port."""
    # one worker: OpenVINO's requests are not for several threads
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    add_ModelServicer_to_server(model, server)
    address = f"127.0.0.1:{port}"
    taken = (
        server.add_insecure_port(address)
        if credentials is None
        else server.add_secure_port(address, credentials)
    )
    server.start()
    try:
        yield taken
    finally:
        server.stop(0).wait()


class RealServer:
    """`maskcam serve-model` in a process of its own, on a port that stays the same when it is started anew."""

    def __init__(self, *flags: str) -> None:
        self.flags = flags
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    def start(self) -> None:
        computing = ["--device", "cpu", "--precision", "float32"]  # unless the flags say otherwise
        command = [sys.executable, "-m", "maskcam", "serve-model", "--port", str(self.port)]
        command += [*computing, *self.flags]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"grpcs?://127\.0\.0\.1:(\d+)", line)
        assert found, f"it says {line!r}"
        self.port = int(found[1])

    def end(self) -> int:
        """Ctrl-C; waits for the end and gives the exit code."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it and all that it has started, from one moment to the next.

        Some of Ray's processes would outlive it, where nobody like systemd ends them.
        """
        children = self.children()
        self._end(signal.SIGKILL)
        for number in children:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def children(self) -> list[int]:
        """Numbers of the processes that it has started, and of those that they have."""
        assert self.process is not None
        parents = {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
        found = [self.process.pid]
        for one in found:
            found += [number for number, parent in parents.items() if parent == one]
        return found[1:]

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def close(self) -> None:
        if self.process is not None:
            self.kill()


def face_like_crops(count: int, *, seed: int = 0) -> Any:
    """(n, S, S, 3) uint8: coloured blobs, which JPEG changes about as much as faces."""
    import cv2

    side = shipped_card().input_size
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in coarse])


def probabilities(verdicts: Sequence[Any]) -> Any:
    """(n, classes) float32."""
    return np.array([list(verdict.probabilities.values()) for verdict in verdicts], np.float32)
