"""A connection to a model server. gRPC has threads of its own; nothing here does."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from maskcam.closing import Closing
from maskcam.errors import RemoteError
from maskcam.remote.address import ServerAddress
from maskcam.remote.model_pb2 import ClassifyRequest, DescribeRequest
from maskcam.remote.model_pb2_grpc import ModelStub
from maskcam.remote.wire import LARGEST_MESSAGE_BYTES, LARGEST_REQUEST, Encoding, pack
from maskcam.types import Image
from maskcam.weights import ModelCard

_PROBE_SECONDS = 2.0
"""How long a server may take to say what it is."""
_IN_FLIGHT = 4
"""Requests of one step that are under way at once: a crowd must not fill the server's queue."""
_OPTIONS = (
    ("grpc.max_send_message_length", LARGEST_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES),
    # gRPC would wait for up to two minutes before it looks again for a server that was away
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),  # that is for the way out of the house
    ("grpc.use_local_subchannel_pool", 1),  # so that a new channel is a new connection
)
_NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""In what gRPC says of it."""


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What a model server says it is.

    Attributes:
        card: of its classifier.
        device: where that computes, for people.
        thorough: whether it judges every crop twice.
        largest_request: crops that it takes at once.
    """

    card: ModelCard
    device: str
    thorough: bool
    largest_request: int = LARGEST_REQUEST


class ModelClient(Closing):
    """Asks a model server.

    Args:
        address: of it; nothing is said to it until one asks.
        deadline_seconds: after which an answer is of no use any more; the server is told, too.
        encoding: of crops.
        certificates: PEM of those to trust with TLS; None: those that come with gRPC.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        deadline_seconds: float,
        encoding: Encoding,
        certificates: bytes | None = None,
    ) -> None:
        self._credentials = grpc.ssl_channel_credentials(certificates) if address.is_encrypted else None
        self.target = address.target
        self._name = f"the model server at {address.target}"
        self._deadline_seconds = deadline_seconds
        self._encoding = encoding
        self._metadata = () if address.token is None else (("authorization", f"Bearer {address.token}"),)
        self._asked: Any = None
        self._connect()

    def describe(self) -> RemoteModel:
        """Asks what the server is, and waits for its answer for 2 s at most.

        Raises:
            RemoteError: there is none, or it does not want to talk to us.
        """
        self._begin_probe()
        return self._end_probe()

    def probe(self) -> RemoteModel | None:
        """As `describe`, but never waits: asks at one call, and gives the answer at a later one.

        Returns:
            The answer; None where there is none yet.

        Raises:
            RemoteError: see `describe`.
        """
        if self._asked is None:
            self._begin_probe()
        return self._end_probe() if self._asked.done() else None

    def forget_probe(self) -> None:
        """Waits no longer for what `probe` has asked: the next one asks anew."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def classify(self, crops: Image, model: RemoteModel) -> NDArray[np.float32]:
        """Has crops judged.

        Args:
            crops: (n, S, S, 3) uint8 BGR, n at least 1, as the card of `model` says.
            model: what the server said it is.

        Returns:
            (n, classes) float32 probabilities.

        Raises:
            RemoteError: not all of them were judged within the deadline; no request is under way any more.
        """
        ends_seconds = time.monotonic() + self._deadline_seconds
        calls: deque[Any] = deque()
        rows: list[NDArray[np.float32]] = []
        try:
            for start in range(0, len(crops), model.largest_request):
                if len(calls) == _IN_FLIGHT:
                    rows.append(self._rows(calls.popleft(), model))
                part = crops[start : start + model.largest_request]
                request = ClassifyRequest(crops=pack(part, self._encoding))
                left_seconds = max(0.0, ends_seconds - time.monotonic())
                calls.append(
                    self._stub.Classify.future(request, timeout=left_seconds, metadata=self._metadata)
                )
            rows.extend(self._rows(call, model) for call in calls)
        except BaseException:
            for call in calls:
                call.cancel()
            raise
        probabilities = np.concatenate(rows)
        if len(probabilities) != len(crops):
            raise RemoteError(f"{self._name} judged {len(probabilities)} crops of {len(crops)}")
        return probabilities

    def close(self) -> None:
        self._channel.close()

    def _connect(self) -> None:
        if self._credentials is None:
            self._channel = grpc.insecure_channel(self.target, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(self.target, self._credentials, options=_OPTIONS)
        self._stub = ModelStub(self._channel)  # type: ignore[no-untyped-call]  # generated

    def _begin_probe(self) -> None:
        self._asked = self._stub.Describe.future(
            DescribeRequest(), timeout=_PROBE_SECONDS, metadata=self._metadata
        )

    def _end_probe(self) -> RemoteModel:
        asked, self._asked = self._asked, None
        try:
            answer = asked.result()
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                # a connection whose other end has lost its power looks well for a quarter of an hour
                self._channel.close()
                self._connect()
            raise self._fault(error, seconds=_PROBE_SECONDS) from None
        try:
            card = ModelCard.model_validate_json(answer.card_json)
        except ValidationError as error:
            raise RemoteError(
                f"{self._name} is of another version of maskcam: its model card is not valid"
                f" ({error.errors()[0]['msg']})"
            ) from None
        return RemoteModel(card, answer.device, answer.thorough, answer.largest_request)

    def _rows(self, call: Any, model: RemoteModel) -> NDArray[np.float32]:  # noqa: ANN401  gRPC has no types
        try:
            answer = call.result()
        except grpc.RpcError as error:
            raise self._fault(error, seconds=self._deadline_seconds) from None
        return np.array(answer.probabilities, np.float32).reshape(-1, len(model.card.classes))

    def _fault(self, error: grpc.RpcError, *, seconds: float) -> RemoteError:
        code = error.code()
        words = {
            grpc.StatusCode.UNAVAILABLE: "cannot be reached",
            grpc.StatusCode.DEADLINE_EXCEEDED: f"did not answer within {seconds:g} s",
            grpc.StatusCode.RESOURCE_EXHAUSTED: "has more to do than it can",
            grpc.StatusCode.UNAUTHENTICATED: "wants another token: set MASKCAM_MODEL_TOKEN as it is there",
            grpc.StatusCode.UNIMPLEMENTED: "is no model server of maskcam",
        }
        known = words.get(code)
        if _NOT_TRUSTED in str(error.details()):
            known = (
                "has a certificate that is not trusted here: name its file as classifier.remote_certificates"
            )
        return RemoteError(f"{self._name} {known or f'failed ({code.name.lower()}: {error.details()})'}")
