"""A Ray cluster, on this machine or on many. Ray is imported only when one is opened."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from maskcam.cluster.base import Answer, Cluster, Task
from maskcam.errors import ClusterError, ConfigError, InputError, MaskcamError, MissingLibraryError

_OBJECT_STORE_BYTES = 100 * 2**20
"""For Ray on this machine: whatever is large goes by files, not through Ray's memory."""
_REACH_SECONDS = 10.0
"""For the head of a cluster to answer."""
_ASKING_SECONDS = 5.0
"""For the process that counts frames to answer a worker."""
_CLOSING_SECONDS = 15.0
"""For tasks that were stopped to close their files."""


class RayCluster(Cluster):
    """Does tasks in the processes of a Ray cluster, each on one core.

    Workers need the same maskcam and the same weights as this process.

    Args:
        address: `local` starts Ray on this machine, with a worker per core, or `local:N` with N of them; `auto`,
            `host:port` and `ray://host:port` name a cluster that is there.
        gpus: that each task gets for itself.

    Raises:
        MissingLibraryError: Ray is not installed.
        InputError: that is no address.
        ConfigError: the cluster has no GPU.
        ClusterError: there is no cluster.
    """

    def __init__(self, address: str, *, gpus: int = 0) -> None:
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise MissingLibraryError("--cluster needs Ray: run `pip install 'maskcam[cluster]'`") from error
        ray = self._ray
        self._tasks: dict[Any, Task] = {}
        _connect(ray, address)
        resources = ray.cluster_resources()
        if gpus > 0 and not resources.get("GPU"):
            ray.shutdown()
            raise ConfigError(
                "a CUDA device was asked for but no node of the cluster has one: use --device cpu"
            )
        self.workers = max(1, int(resources.get("GPU" if gpus else "CPU", 1)))
        # who dies is replaced by whoever submitted it, who says so
        self._do = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_do)
        self._tally = ray.remote(num_cpus=0, max_restarts=-1)(_Tally).remote()

    def submit(self, task: Task) -> None:
        self._tasks[self._do.remote(task, self._tally)] = task

    def answers(self, *, timeout_seconds: float) -> Sequence[Answer]:
        if not self._tasks:
            return []
        done, _ = self._ray.wait(list(self._tasks), timeout=timeout_seconds)
        return [self._answer(reference) for reference in done]

    def frames(self) -> Mapping[tuple[str, int | None], int]:
        try:
            news: dict[tuple[str, int | None], int] = self._ray.get(self._tally.news.remote(), timeout=5)
        except self._ray.exceptions.RayError:  # its process died: progress is shown a little late
            return {}
        return news

    def cancel(self) -> None:
        # not by `ray.cancel`: it aborts this very process where a task ends in the same moment (Ray 2.60)
        self._tally.stop.remote()
        if self._tasks:
            self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=_CLOSING_SECONDS)
        self._tasks.clear()

    def close(self) -> None:
        self._ray.shutdown()

    def _answer(self, reference: Any) -> Answer:  # noqa: ANN401  of an optional library
        task = self._tasks.pop(reference)
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return Answer(task, fault=f"{type(error.cause).__name__}: {error.cause}")
        except self._ray.exceptions.RayError:
            return Answer(task, fault="its process died")
        return answer


def _connect(ray: Any, address: str) -> None:  # noqa: ANN401  of an optional library
    kind, _, workers = address.partition(":")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if kind == "local":
        if workers and not (workers.isdecimal() and int(workers) > 0):
            raise InputError(
                f"--cluster must be local, local:N with N workers, or an address, got {address!r}"
            )
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # whom we watch is nobody's business
        ray.init(
            address="local",
            num_cpus=int(workers) if workers else None,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
        return
    try:
        _reach(address)
    except OSError as error:
        raise ClusterError(
            f"there is no Ray cluster at {address}: start one with `ray start --head`, or use --cluster local"
        ) from error
    try:
        ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"the Ray cluster at {address} cannot be joined: it must run, with the same versions of Ray and Python, and"
            " RAY_AUTH_TOKEN must be its token where it asks for one"
        ) from error


def _reach(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for many minutes."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if separator and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()


def _do(task: Task, tally: Any) -> Answer:  # noqa: ANN401  of an optional library
    """Runs in a worker."""

    def tell(frames: int) -> None:
        if _ask(tally.note.remote(task.recording, task.part, frames)):
            raise KeyboardInterrupt

    try:
        tell(0)  # those that waited while all were stopped are not begun
        return Answer(task, task.work(*task.args, tell))
    except MaskcamError as error:
        return Answer(task, error=str(error))
    except KeyboardInterrupt:
        return Answer(task, fault="it was stopped")


def _ask(reference: Any) -> bool:  # noqa: ANN401  of an optional library
    """What an actor answers; False where its process died. A task that waits by `ray.get` would lend out its core."""
    ray: Any = importlib.import_module("ray")
    try:
        return bool(reference.future().result(timeout=_ASKING_SECONDS))
    except (ray.exceptions.RayError, TimeoutError):
        return False


class _Tally:
    """Runs in a process of its own: knows how many frames are done, and whether all are to stop."""

    def __init__(self) -> None:
        self._news: dict[tuple[str, int | None], int] = {}
        self._stopped = False

    def note(self, recording: str, part: int | None, frames: int) -> bool:
        """Whether to stop."""
        self._news[recording, part] = frames
        return self._stopped

    def news(self) -> dict[tuple[str, int | None], int]:
        news, self._news = self._news, {}
        return news

    def stop(self) -> None:
        self._stopped = True
