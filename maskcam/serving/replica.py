"""One copy of the networks, in a process of its own on some machine of the cluster.

Requests of different clients that come within a few milliseconds go through a network together. They are decoded one by
one before that: whoever sends nonsense spoils nobody else's batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from ray import serve

from maskcam.classifiers.warming import warm_up
from maskcam.config import Config
from maskcam.remote.model_pb2 import (
    ClassifyRequest,
    ClassifyResponse,
    Description,
    DetectRequest,
    DetectResponse,
)
from maskcam.remote.wire import LARGEST_REQUEST, WireError, unpack
from maskcam.types import Faces, Image
from maskcam.weights import read_card

_PICTURES = 8
"""Frames in one batch of the detector: a GPU gains little by more, and they take much memory."""
_COMMON_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16)
"""As many as OpenVinoEngine compiles networks for: no client ever waits for one."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What came of some crops: a row for each, and how many others went through the network with them."""

    rows: list[list[float]]
    batch_size: int


def _size(requests: Sequence[Sequence[Image]]) -> int:
    return sum(map(len, requests))


class Replica:
    """Judges crops and finds faces.

    Args:
        config: which networks, and how they compute.
        max_batch: see `ServingOptions`.
        batch_wait_seconds: likewise.
    """

    def __init__(self, config: Config, *, max_batch: int, batch_wait_seconds: float) -> None:
        self._card = read_card(config.classifier.weights_path)
        self._thorough = config.classifier.thorough
        self._classifier = config.classifier.build(**config.computing)
        self._detector = config.detector.build(**config.computing)
        self._max_batch = max_batch
        batches: tuple[Any, Any] = (self._judge, self._look)  # with methods of which Ray's types know nothing
        batches[0].set_max_batch_size(max_batch)
        for batched in batches:
            batched.set_batch_wait_timeout_s(batch_wait_seconds)
        warm_up(self._classifier, [size for size in _COMMON_BATCHES if size <= max_batch])

    def describe(self) -> Description:
        """What judges here."""
        return Description(
            card_json=self._card.model_dump_json(),
            device=self._classifier.device,
            thorough=self._thorough,
            largest_request=LARGEST_REQUEST,
        )

    async def classify(self, request: ClassifyRequest) -> ClassifyResponse:
        """Judges crops, in as many batches as it takes.

        Raises:
            WireError: they are not as agreed.
        """
        crops = unpack(request.crops)
        side = self._classifier.crop.size
        if len(crops) > LARGEST_REQUEST or any(crop.shape != (side, side, 3) for crop in crops):
            raise WireError(f"a request holds at most {LARGEST_REQUEST} crops of {side} x {side}")
        parts = [crops[i : i + self._max_batch] for i in range(0, len(crops), self._max_batch)]
        judged = await asyncio.gather(*map(self._judge, parts))
        return ClassifyResponse(
            probabilities=[value for part in judged for row in part.rows for value in row],
            batch_size=max((part.batch_size for part in judged), default=0),
        )

    async def detect(self, request: DetectRequest) -> DetectResponse:
        """Finds faces, in as many batches as it takes.

        Raises:
            WireError: the pictures are not as agreed.
        """
        pictures = unpack(request.pictures)
        parts = [pictures[i : i + _PICTURES] for i in range(0, len(pictures), _PICTURES)]
        found = await asyncio.gather(*map(self._look, parts))
        return DetectResponse(pictures=[_message(faces) for part in found for faces in part])

    def check_health(self) -> None:
        """Judges one crop; Ray starts another replica where that fails."""
        side = self._classifier.crop.size
        self._classifier.classify(np.zeros((1, side, side, 3), np.uint8))

    # Serve leaves out requests that were cancelled while they waited, as they are when a client's deadline has passed

    @serve.batch(batch_size_fn=_size)
    async def _judge(self, requests: list[list[Image]]) -> list[_Judged]:
        crops = [crop for request in requests for crop in request]
        verdicts = self._classifier.classify(np.stack(crops))
        rows = iter([list(verdict.probabilities.values()) for verdict in verdicts])
        return [_Judged(list(islice(rows, len(request))), len(crops)) for request in requests]

    @serve.batch(max_batch_size=_PICTURES, batch_size_fn=_size)
    async def _look(self, requests: list[list[Image]]) -> list[list[Faces]]:
        found = iter(self._detector.detect([picture for request in requests for picture in request]))
        return [list(islice(found, len(request))) for request in requests]


def _message(faces: Faces) -> DetectResponse.Faces:
    landmarks = () if faces.landmarks is None else faces.landmarks.ravel().tolist()
    return DetectResponse.Faces(
        boxes_xyxy=faces.boxes_xyxy.ravel().tolist(), scores=faces.scores.tolist(), landmarks=landmarks
    )
