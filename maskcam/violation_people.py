"""What is remembered of one person, and what becomes of it: from a first bare moment to a violation that is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from maskcam.types import Frame, MaskStatus, Track, Transition, Violation, ViolationPhase
from maskcam.views import view_quality
from maskcam.whereabouts import Whereabouts

Start = Callable[[Track, float], Violation]
"""Makes a violation of a track that breaks the rule since then."""

_PAUSE_SECONDS = 1.0
"""A status is not steady across a longer time without a clear view: what nobody saw counts for nothing."""
_POOR_VIEW = 0.02
"""Of a face of 20 pixels, somewhat blurred: what is worse still need not be replaced step by step."""


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config reads the defaults off the class
class ViolationOptions:
    """When something is a violation.

    Attributes:
        dwell_seconds: a person must break the rule that long, steadily, before it is logged; and break it in another
            way for that long before it counts as a change.
        comply_seconds: and keep it that long before the violation is over; a hand before the face ends nothing.
        lost_seconds: a person who is not seen for longer has left, which ends the violation.
        cooldown_seconds: a person who breaks the rule again within this time after the end goes on with the same
            violation instead of starting another.
        better_view: how many times better a view must be to replace the snapshot.
    """

    dwell_seconds: float = 1.0
    comply_seconds: float = 1.0
    lost_seconds: float = 2.0
    cooldown_seconds: float = 10.0
    better_view: float = 1.25


@dataclass(slots=True)
class _Spell:
    """Statuses that break the rule, without a mask between them.

    Attributes:
        since: when it began.
        last: when it was last seen.
        seconds: per status; a time of `UNSURE` belongs to the one before it.
    """

    since: float
    last: float
    status: MaskStatus
    seconds: dict[MaskStatus, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, status: MaskStatus, now: float) -> None:
        self.seconds[self.status] += now - self.last
        self.status = status
        self.last = now

    @property
    def mostly(self) -> MaskStatus:
        return max(self.seconds, key=lambda status: self.seconds[status]) if self.seconds else self.status


@dataclass(slots=True)
class Person:
    """One person at one camera, whatever tracks it has had.

    Attributes:
        first_seen: `pts_seconds` of the present track.
        last_seen: `pts_seconds`.
        whereabouts: of the face.
        is_new: whether it might yet turn out to be somebody who was lost from sight.
        violation: as last reported, going on or over; None where there has been none.
    """

    options: ViolationOptions
    first_seen: float
    last_seen: float
    is_new: bool = True
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    violation: Violation | None = None
    _breaking: _Spell | None = None
    """Not yet enough for a violation, or, while one goes on, for a change of its status."""
    _complying_since: float | None = None
    _best_view: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a violation is going on."""
        return self.violation is not None and self.violation.ended_seconds is None

    def note(self, track: Track, now: float) -> None:
        """Takes note of where the person is in the present frame."""
        self.last_seen = now
        self.whereabouts.note(track.box_xyxy, now)

    def go_on_as(self, newcomer: Person, *, track_id: int) -> None:
        """Takes note that a newcomer, of that track, is this person."""
        if self.violation is not None:
            self.violation = replace(self.violation, track_id=track_id)
        self.first_seen, self.last_seen = newcomer.first_seen, newcomer.last_seen
        self.whereabouts = newcomer.whereabouts
        if newcomer._breaking is not None or newcomer._complying_since is not None:
            self._breaking, self._complying_since = newcomer._breaking, newcomer._complying_since

    def see(self, track: Track, frame: Frame, *, before: float, start: Start) -> Iterator[Violation]:
        """Takes the person's track in the present frame.

        Args:
            track: in that frame.
            frame: the present one.
            before: time of the frame before it, whoever was in that.
            start: makes another violation.

        Yields:
            The violation, where it starts, changes or ends with this frame.
        """
        now = frame.pts_seconds
        if not track.is_required or track.status is MaskStatus.MASK:
            yield from self._complies(now, is_masked=track.is_required)
        elif track.status.is_violation:
            self._complying_since = None
            if self.is_open:
                yield from self._goes_on(track, frame, before=before)
            else:
                yield from self._breaks(track, frame, before=before, start=start)

    def leave(self) -> Iterator[Violation]:
        """Takes note that the person is gone; a second time there is nothing left to end."""
        self._breaking = self._complying_since = None
        if self.is_open:
            yield self._end(self.last_seen)
        elif self.violation is not None:  # the mask was on for as long as anybody saw
            self.violation = replace(
                self.violation, transitions=_closed(self.violation.transitions, self.last_seen)
            )

    def _goes_on(self, track: Track, frame: Frame, *, before: float) -> Iterator[Violation]:
        assert self.violation is not None
        is_changed = False
        if track.status is self.violation.status:
            self._breaking = None
        else:
            spell = self._spell(track.status, frame.pts_seconds, before=before)
            is_changed = frame.pts_seconds - spell.since >= self.options.dwell_seconds
            if is_changed:
                self._take_on(track.status, spell.since)
        is_better = self._is_better_view(track, frame)
        if is_changed or is_better:
            yield self._report(ViolationPhase.UPDATED, track, is_best_view=is_better)

    def _breaks(self, track: Track, frame: Frame, *, before: float, start: Start) -> Iterator[Violation]:
        spell = self._spell(track.status, frame.pts_seconds, before=before)
        if frame.pts_seconds - spell.since < self.options.dwell_seconds:
            return
        ended = None if self.violation is None else self.violation.ended_seconds
        is_again = ended is not None and spell.since - ended <= self.options.cooldown_seconds
        if not is_again:
            self.violation = start(track, spell.since)
            self._best_view = 0.0
        self._take_on(spell.mostly, spell.since)
        is_better = self._is_better_view(track, frame) or not is_again
        phase = ViolationPhase.UPDATED if is_again else ViolationPhase.STARTED
        yield self._report(phase, track, is_best_view=is_better)

    def _complies(self, now: float, *, is_masked: bool) -> Iterator[Violation]:
        self._breaking = None
        if self._complying_since is None:
            self._complying_since = now
        if self.is_open and now - self._complying_since >= self.options.comply_seconds:
            yield self._end(self._complying_since, is_masked=is_masked)

    def _spell(self, status: MaskStatus, now: float, *, before: float) -> _Spell:
        """The present spell, with this frame in it."""
        spell = self._breaking
        # frames may be far apart: only one without a clear view makes a pause
        if spell is None or (spell.last < before and now - spell.last > _PAUSE_SECONDS):
            spell = self._breaking = _Spell(now, now, status)
        spell.add(status, now)
        return spell

    def _take_on(self, status: MaskStatus, since: float) -> None:
        """The violation goes on with another status, or after a time without."""
        assert self.violation is not None
        transitions = (*_closed(self.violation.transitions, since), Transition(status, since))
        self.violation = replace(self.violation, status=status, ended_seconds=None, transitions=transitions)
        self._breaking = None

    def _is_better_view(self, track: Track, frame: Frame) -> bool:
        """Whether this frame shows the person better than any before; if so it is the one to beat."""
        if not track.is_judged:
            return False  # the picture must show what the classifier saw
        view = view_quality(track, frame)
        if view <= self._best_view * self.options.better_view:
            return False
        assert self.violation is not None
        self.violation = replace(self.violation, box_xyxy=track.box_xyxy)
        self._best_view = max(view, _POOR_VIEW)
        return True

    def _report(self, phase: ViolationPhase, track: Track, *, is_best_view: bool) -> Violation:
        assert self.violation is not None
        self.violation = replace(self.violation, phase=phase, track_id=track.track_id)
        return replace(self.violation, is_best_view=is_best_view)

    def _end(self, seconds: float, *, is_masked: bool = False) -> Violation:
        assert self.violation is not None
        transitions = _closed(self.violation.transitions, seconds)
        if is_masked:
            transitions += (Transition(MaskStatus.MASK, seconds),)
        self.violation = replace(
            self.violation, phase=ViolationPhase.ENDED, ended_seconds=seconds, transitions=transitions
        )
        return self.violation


def _closed(transitions: tuple[Transition, ...], seconds: float) -> tuple[Transition, ...]:
    """The same with the last one over, unless it already was."""
    if not transitions or transitions[-1].ended_seconds is not None:
        return transitions
    return (*transitions[:-1], replace(transitions[-1], ended_seconds=seconds))
