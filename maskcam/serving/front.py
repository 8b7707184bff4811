"""The door of a model server: takes gRPC requests, and hands them to the replicas.

Ray Serve has one of its own, which listens to all the world on every network card, asks nobody for a token, and lets
clients' deadlines pass unnoticed.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from typing import Any  # of what Ray and gRPC hand out, which have no types

import grpc
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from maskcam.errors import OutputError
from maskcam.remote.model_pb2 import (
    ClassifyRequest,
    ClassifyResponse,
    DescribeRequest,
    Description,
    DetectRequest,
    DetectResponse,
)
from maskcam.remote.model_pb2_grpc import ModelServicer, add_ModelServicer_to_server
from maskcam.remote.wire import LARGEST_MESSAGE_BYTES, WireError

_log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 2.0
_OPTIONS = (
    ("grpc.max_send_message_length", LARGEST_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake
)


class Front(ModelServicer):
    """Answers clients; its methods have the names that they have in model.proto.

    Args:
        replicas: handle of the deployment.
        token: that clients must show; None lets everybody in.
    """

    def __init__(self, replicas: DeploymentHandle[Any], *, token: str | None) -> None:
        self._replicas = replicas
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def Describe(self, request: DescribeRequest, context: grpc.aio.ServicerContext) -> Description:  # noqa: N802, ARG002
        answer: Description = await self._ask(context, self._replicas.describe)
        return answer

    async def Classify(  # noqa: N802
        self, request: ClassifyRequest, context: grpc.aio.ServicerContext
    ) -> ClassifyResponse:
        answer: ClassifyResponse = await self._ask(context, self._replicas.classify, request)
        return answer

    async def Detect(self, request: DetectRequest, context: grpc.aio.ServicerContext) -> DetectResponse:  # noqa: N802
        answer: DetectResponse = await self._ask(context, self._replicas.detect, request)
        return answer

    async def _ask(self, context: grpc.aio.ServicerContext, method: Any, *request: object) -> Any:  # noqa: ANN401
        """A replica's answer; gRPC cancels this when the client's deadline has passed or it is gone."""
        await self._check_token(context)
        answer = method.remote(*request)
        try:
            return await answer
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except BackPressureError:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests wait already")
        except WireError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error.args[0]))
        except (RayActorError, DeploymentUnavailableError):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no replica is there at present")

    async def _check_token(self, context: grpc.aio.ServicerContext) -> None:
        if self._expected is None:
            return
        shown = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not hmac.compare_digest(str(shown).encode(), self._expected):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is missing or wrong")


async def serve_until(
    stop: asyncio.Event,
    front: Front,
    *,
    host: str,
    port: int,
    credentials: grpc.ServerCredentials | None,
    started: Callable[[int], None],
) -> None:
    """Serves until somebody sets `stop`; requests that are under way are finished.

    Args:
        stop: ends it.
        front: that answers.
        host: to listen on.
        port: likewise.
        credentials: for TLS; None: nothing is encrypted.
        started: told once it answers, with the port.

    Raises:
        OutputError: somebody else listens there, or the address is not this machine's.
    """
    server = grpc.aio.server(options=_OPTIONS)
    add_ModelServicer_to_server(front, server)  # type: ignore[no-untyped-call]  # generated
    shown = f"[{host}]" if ":" in host else host
    try:
        if credentials is None:
            port = server.add_insecure_port(f"{shown}:{port}")
        else:
            port = server.add_secure_port(f"{shown}:{port}", credentials)
    except RuntimeError as error:
        raise OutputError(
            f"cannot listen on {shown}:{port}: the port is taken, or the address is not this machine's; choose another"
            " with --host and --port"
        ) from error
    await server.start()
    try:
        started(port)
        await stop.wait()
    finally:
        await server.stop(_GOODBYE_SECONDS)
