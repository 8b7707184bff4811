"""The seam behind which the cluster stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maskcam.closing import Closing

Tell = Callable[[int], None]
"""Told by whoever works how many frames of its part are done."""


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work for one process of the cluster.

    Attributes:
        recording: name of the recording that it is for.
        part: number of the part; None: the recording as a whole.
        work: a function of maskcam, called with `args` and a `Tell`.
        args: are copied to the process.
    """

    recording: str
    part: int | None
    work: Callable[..., Any]
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a task: a value, unless one of the other two is set.

    Attributes:
        task: which one.
        value: what `work` returned.
        error: why it cannot be done at all, one sentence: of a `MaskcamError`.
        fault: why it was not done this time, a few words: its process died, or something transient happened.
    """

    task: Task
    value: Any = None
    error: str | None = None
    fault: str | None = None


class Cluster(Closing, ABC):
    """Does tasks in other processes, wherever they are. Closing lets go of them."""

    workers: int
    """How many tasks are done at once, as far as it is known."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Has a task done as soon as there is room."""

    @abstractmethod
    def answers(self, *, timeout_seconds: float) -> Sequence[Answer]:
        """Waits for answers, for so long at most; each comes once."""

    @abstractmethod
    def frames(self) -> Mapping[tuple[str, int | None], int]:
        """How many frames are done, by recording and part, of those that went on since it was last asked."""

    @abstractmethod
    def cancel(self) -> None:
        """Stops all tasks, and lets them close their files."""
