"""How a model server serves."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    """Set on the command line.

    Attributes:
        host: to listen on.
        port: likewise; 0: any that is free.
        replicas: how many copies of the networks.
        gpus_per_replica: may be a part of one; None: one where the device is CUDA and the cluster has any, else none.
        max_batch: most crops that are judged at once.
        batch_wait_seconds: how long the first crops of a batch wait for others.
        queue: requests that wait for a replica; more are refused.
        cluster: address of a Ray cluster; `local` starts one for this server.
        token: that clients must show; None lets everybody in.
        certificate: PEM file for TLS, with those that lead to it; None: nothing is encrypted.
        key: PEM file of its key.
    """

    host: str = "127.0.0.1"
    port: int = 9100
    replicas: int = 1
    gpus_per_replica: float | None = None
    max_batch: int = 64
    batch_wait_seconds: float = 0.003
    queue: int = 256
    cluster: str = "local"
    token: str | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether clients come by TLS."""
        return self.certificate is not None

    def prepare(self, environ: MutableMapping[str, str]) -> None:
        """Sets what Ray and gRPC read when they are imported.

        Its processes listen on every network card and do whatever they are told: those of a cluster of our own obey
        only who knows a secret. A cluster that somebody else has set up has its own ways.

        Args:
            environ: of this process, changed.
        """
        environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is told in one sentence
        environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody need know that there is a hospital here
        if self.cluster == "local":
            environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
