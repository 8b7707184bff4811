"""Puts a model server together, and takes it apart again."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import ray
from ray import serve
from ray.serve.config import ProxyLocation
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from maskcam.config import Config
from maskcam.errors import ClusterError, ConfigError, RemoteError
from maskcam.serving.front import Front, serve_until
from maskcam.serving.options import ServingOptions
from maskcam.serving.replica import Replica

_NAME = "maskcam-model"
_STORE_BYTES = 256 * 2**20
"""For requests under way; Ray would take a third of the memory."""
_KNOCK_SECONDS = 5.0
_LARGEST_PICTURE = 2**26
"""Pixels of a JPEG that a replica decodes: a few bytes can claim to be a picture of many gigabytes."""


def run(config: Config, options: ServingOptions, *, started: Callable[[int], None]) -> None:
    """Serves until SIGINT or SIGTERM.

    `ServingOptions.prepare` comes before this module is imported.

    Args:
        config: which networks, and how they compute.
        options: how to serve.
        started: told once clients are answered, with the port.

    Raises:
        ClusterError: there is no such cluster.
        ConfigError: it has not the GPUs that are asked for.
        RemoteError: the replicas do not start.
        OutputError: see `serve_until`.
    """
    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # it would tell of every request that is refused
    with _cluster(options):
        front = Front(_deploy(config, options), token=options.token)
        asyncio.run(_serve(front, options, started))


async def _serve(front: Front, options: ServingOptions, started: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    credentials = _credentials(options)
    await serve_until(
        stop, front, host=options.host, port=options.port, credentials=credentials, started=started
    )


def _credentials(options: ServingOptions) -> grpc.ServerCredentials | None:
    if options.certificate is None or options.key is None:
        return None
    return grpc.ssl_server_credentials([(options.key.read_bytes(), options.certificate.read_bytes())])


@contextmanager
def _cluster(options: ServingOptions) -> Iterator[None]:
    """Connects to a cluster, or starts one that ends with this program."""
    common: dict[str, Any] = {"logging_level": "error", "log_to_driver": False, "namespace": _NAME}
    is_own = options.cluster == "local"
    try:
        if is_own:
            # by default Ray would join any cluster that it finds on this machine
            ray.init("local", include_dashboard=False, object_store_memory=_STORE_BYTES, **common)
        else:
            _knock(options.cluster)
            ray.init(address=options.cluster, **common)
    except (OSError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"there is no Ray cluster at {options.cluster}: --cluster takes HOST:PORT of the head of one that runs,"
            " auto, or local, which starts one"
        ) from error
    try:
        yield
    finally:
        if not is_own:  # one of its own ends with everything in it
            serve.delete(_app(options))
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises OSError or ValueError unless somebody answers at `HOST:PORT`: Ray itself would try for minutes."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()


def _app(options: ServingOptions) -> str:
    """Its name on the cluster: whoever starts the server of a port anew takes the place of the one before."""
    return f"{_NAME}-{options.port}"


def _deploy(config: Config, options: ServingOptions) -> DeploymentHandle[Any]:
    gpus = _gpus_per_replica(config, options)
    quiet = LoggingConfig(enable_access_log=False, log_level="WARNING")
    serve.start(proxy_location=ProxyLocation.Disabled, logging_config=quiet)
    deployment = serve.deployment(
        name="model",
        num_replicas=options.replicas,
        # one batch is computed while the next one is collected; a request may be a single crop
        max_ongoing_requests=2 * options.max_batch,
        max_queued_requests=options.queue,
        health_check_period_s=5,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={
            "num_cpus": 1,
            "num_gpus": gpus,
            "runtime_env": {"env_vars": {"OPENCV_IO_MAX_IMAGE_PIXELS": str(_LARGEST_PICTURE)}},
        },
    )
    app = deployment(Replica).bind(
        config, max_batch=options.max_batch, batch_wait_seconds=options.batch_wait_seconds
    )
    try:
        return serve.run(app, name=_app(options), route_prefix=None, logging_config=quiet)
    except RuntimeError as error:
        raise RemoteError(f"the replicas do not start: {error}") from error


def _gpus_per_replica(config: Config, options: ServingOptions) -> float:
    """How many each replica gets; Ray hides all others from it.

    Raises:
        ConfigError: there are not as many.
    """
    there = ray.cluster_resources().get("GPU", 0.0)  # type: ignore[no-untyped-call]
    wanted = options.gpus_per_replica
    if wanted is None:
        wanted = 1.0 if config.device == "cuda" or (config.device == "auto" and there) else 0.0
    if wanted * options.replicas > there:
        raise ConfigError(
            f"{options.replicas} replicas with {wanted:g} GPUs each are asked for, but the cluster has {there:g}:"
            " change --replicas, --gpus-per-replica or --device"
        )
    return wanted
