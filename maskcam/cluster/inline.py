"""A cluster without other processes: tasks are done when answers are asked for. For tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from maskcam.cluster.base import Answer, Cluster, Task
from maskcam.errors import MaskcamError


class InlineCluster(Cluster):
    """Does one task after another in this process.

    Args:
        fault: says why a task is to fail this time; None: it does not.

    Attributes:
        done: all tasks that were begun, in order.
    """

    workers = 1

    def __init__(self, fault: Callable[[Task], str | None] = lambda _: None) -> None:
        self._fault = fault
        self._waiting: deque[Task] = deque()
        self._frames: dict[tuple[str, int | None], int] = {}
        self.done: list[Task] = []

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def answers(self, *, timeout_seconds: float) -> Sequence[Answer]:  # noqa: ARG002  nothing is waited for
        if not self._waiting:
            return []
        task = self._waiting.popleft()
        self.done.append(task)
        fault = self._fault(task)
        if fault is not None:
            return [Answer(task, fault=fault)]

        def tell(frames: int) -> None:
            self._frames[task.recording, task.part] = frames

        try:
            return [Answer(task, task.work(*task.args, tell))]
        except MaskcamError as error:
            return [Answer(task, error=str(error))]

    def frames(self) -> Mapping[tuple[str, int | None], int]:
        news, self._frames = self._frames, {}
        return news

    def cancel(self) -> None:
        self._waiting.clear()
