"""Which task comes next, for many recordings at once."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from maskcam.cluster.base import Answer, Cluster, Task
from maskcam.cluster.plans import Plan, Recording, Work, draw_up
from maskcam.cluster.tasks import judge, look_at_part
from maskcam.recorder import Report

_REPEATS = 3
"""How often a task is repeated whose process died."""
_QUEUED = 2
"""Tasks per worker that are handed to the cluster: it has the next at hand, and what is more urgent need not wait."""
_WAIT_SECONDS = 0.2

_URGENCY = {judge: 0, look_at_part: 1, draw_up: 2}
"""What is nearly done comes first: then little lies about half done when somebody stops the run."""


@dataclass(slots=True)
class _Course:
    """How far a recording has got."""

    recording: Recording
    plan: Plan | None = None
    unseen: set[int] = field(default_factory=set)
    """Parts that are still to be looked at."""
    frames: dict[int | None, int] = field(default_factory=dict)
    """Done, per part; None: judged."""
    report: Report | None = None

    @property
    def done(self) -> int:
        """Frames done; one that has only been looked at is half done."""
        judged = self.frames.get(None, 0)
        if self.plan is None or not self.plan.spans:
            return judged
        return sum(self.frames.values()) // 2


class Driver:
    """Has recordings worked on by a cluster, until each of them is finished or has failed.

    Args:
        cluster: stays open.
        work: what holds for all recordings.
        show: told of progress: the name of a recording, its frames done, and how many there are where that is known.
        say: told what the user should know, in one line each.

    Attributes:
        finished_before: recordings that an earlier run had finished.
        seen_before: parts that one had looked at.
        seen: parts looked at in this run, repeated ones counted again.
    """

    def __init__(
        self,
        cluster: Cluster,
        work: Work,
        *,
        show: Callable[[str, int, int | None], None],
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._work = work
        self._show = show
        self._say = say
        self._courses: dict[str, _Course] = {}
        self._order = itertools.count()
        self._queue: list[tuple[int, int, Task]] = []
        self._in_hand = 0
        self._faults: Counter[tuple[str, int | None, str]] = Counter()
        self.finished_before = self.seen_before = self.seen = 0

    def run(self, recordings: Sequence[Recording]) -> list[Report]:
        """Works on all recordings; Ctrl-C stops all of them.

        Returns:
            A report each, in order; after Ctrl-C `interrupted` is set in those of recordings that are not finished.
        """
        self._courses = {recording.name: _Course(recording) for recording in recordings}
        try:
            for recording in recordings:
                self._add(Task(recording.name, None, draw_up, (recording, self._work)))
            while self._queue or self._in_hand:
                self._hand_over()
                for answer in self._cluster.answers(timeout_seconds=_WAIT_SECONDS):
                    self._in_hand -= 1
                    self._take(answer)
                self._show_progress()
        except KeyboardInterrupt:
            self._cluster.cancel()
        return [course.report or _interrupted(course) for course in self._courses.values()]

    def _add(self, task: Task) -> None:
        heapq.heappush(self._queue, (_URGENCY[task.work], next(self._order), task))

    def _hand_over(self) -> None:
        while self._queue and self._in_hand < _QUEUED * self._cluster.workers:
            _, _, task = heapq.heappop(self._queue)
            if self._courses[task.recording].report is None:
                self._cluster.submit(task)
                self._in_hand += 1

    def _take(self, answer: Answer) -> None:
        task, course = answer.task, self._courses[answer.task.recording]
        if course.report is not None:  # another part of it has failed meanwhile
            return
        if answer.fault is not None:
            self._repeat(task, answer.fault)
        elif answer.error is not None:
            course.report = Report(input=task.recording, error=answer.error)
        elif isinstance(answer.value, Plan):
            self._begin(course, answer.value)
        elif isinstance(answer.value, Report):
            course.report = answer.value
        else:
            assert task.part is not None
            self.seen += 1
            course.unseen.discard(task.part)
            self._judge_if_seen(course)

    def _begin(self, course: _Course, plan: Plan) -> None:
        course.plan = plan
        if plan.report is not None:
            self.finished_before += 1
            course.report = plan.report
            return
        self.seen_before += len(plan.known)
        course.unseen = set(range(len(plan.spans))) - plan.known
        course.frames = {index: plan.frames_of(index) for index in plan.known}
        for index in sorted(course.unseen):
            self._add(Task(plan.recording.name, index, look_at_part, (plan, index, self._work)))
        self._judge_if_seen(course)

    def _judge_if_seen(self, course: _Course) -> None:
        if not course.unseen and course.plan is not None:
            self._add(Task(course.recording.name, None, judge, (course.plan, self._work)))

    def _repeat(self, task: Task, fault: str) -> None:
        course = self._courses[task.recording]
        what = task.recording
        if task.part is not None and course.plan is not None:
            what = f"part {task.part + 1} of {len(course.plan.spans)} of {what}"
        key = (task.recording, task.part, task.work.__name__)
        self._faults[key] += 1
        if self._faults[key] > _REPEATS:
            text = f"{what} failed {_REPEATS + 1} times on the cluster, at last because of this: {fault}"
            course.report = Report(input=task.recording, error=text)
            return
        self._say(f"{what} is done again, {self._faults[key]} of {_REPEATS} times at most: {fault}")
        self._add(task)

    def _show_progress(self) -> None:
        news = self._cluster.frames()
        for (name, part), frames in news.items():
            self._courses[name].frames[part] = frames
        for name in {name for name, _ in news}:
            course = self._courses[name]
            self._show(name, course.done, course.plan.frame_count if course.plan else None)


def _interrupted(course: _Course) -> Report:
    return Report(input=course.recording.name, error="interrupted", interrupted=True)
