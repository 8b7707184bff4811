"""What would have been logged with other settings, from the scores of tracks that were stored.

The rules are those of `maskcam.violations` for one person: who breaks the rule for a while, steadily, commits a
violation; who keeps it for a while has ended that; and goes on with the same one within the cool-down. They are
followed for all people at once, run by run, since a month may have 100,000 of them. What differs:

- Only where a violation was logged is it known that two tracks are one person; others who were lost from sight and
  found again within the cool-down count as two people.
- A stretch has one probability, the mean of what the classifier said in it; stretches are a second long, or longer
  while they differ by no more than 0.1.
- Times are whole milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskcam.store.observations import BARE, EXEMPT, INCORRECT, MASKED, SURE_STEPS, UNSURE, StoredTracks

AS_VOTED = 0.5
"""Threshold at which the statuses count as they were voted: the vote, too, asks for half."""

_PAUSE_MS = 1000
"""As in `maskcam.violation_people`."""
_NEVER = np.iinfo(np.int64).min // 4

Milliseconds = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What makes a violation.

    Attributes:
        threshold: probability, in [0, 1], that a stretch without a mask, or with one worn wrong, must have to count.
            0.5 takes every such stretch; below, stretches of which it could not be told count as well.
        dwell_seconds: see `maskcam.violations.ViolationOptions`, likewise the others.
        comply_seconds: as there.
        lost_seconds: as there.
        cooldown_seconds: as there.
        minimum_face: shorter side in pixels below which a face is overlooked.
    """

    threshold: float = AS_VOTED
    dwell_seconds: float = 1.0
    comply_seconds: float = 1.0
    lost_seconds: float = 2.0
    cooldown_seconds: float = 10.0
    minimum_face: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The violations that there would have been.

    Attributes:
        started_ms: (n,) int64, when each would have started: milliseconds since 1970.
        camera: (n,) int64, index in `StoredTracks.cameras`.
    """

    started_ms: Milliseconds
    camera: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """Runs of all people, those of one person one after another; every second one breaks the rule, at least.

    Attributes:
        first_ms: (r,) since 1970.
        last_ms: (r,).
        breaks: (r,) bool.
        complies: (r,) bool; neither where it could not be told.
        person: (r,) int64, growing.
        camera: (r,) int64.
    """

    first_ms: Milliseconds
    last_ms: Milliseconds
    breaks: NDArray[np.bool_]
    complies: NDArray[np.bool_]
    person: NDArray[np.int64]
    camera: NDArray[np.int64]

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> _Stretches:
        return _Stretches(
            self.first_ms[chosen],
            self.last_ms[chosen],
            self.breaks[chosen],
            self.complies[chosen],
            self.person[chosen],
            self.camera[chosen],
        )


def replay(tracks: StoredTracks, rule: Rule) -> Outcome:
    """The violations that a rule would have made of these tracks."""
    stretches = _joined(_judge(tracks, rule), rule)
    if not len(stretches.person):
        return Outcome(np.zeros(0, np.int64), np.zeros(0, np.int64))
    is_first = np.diff(stretches.person, prepend=-1) != 0
    starts = np.flatnonzero(is_first)
    lengths = np.diff(starts, append=len(stretches.person))
    order = np.argsort(
        -lengths, kind="stable"
    )  # so that those who have a k-th stretch come first, for every k
    return _follow(stretches, starts[order], lengths[order], rule)


def _judge(tracks: StoredTracks, rule: Rule) -> _Stretches:
    """What each run is by this rule."""
    runs = tracks.runs
    status = runs["status"]
    is_sure = runs["surely"] >= round(SURE_STEPS * rule.threshold)
    breaks = (status == BARE) | (status == INCORRECT)
    breaks &= is_sure | (rule.threshold <= AS_VOTED)
    breaks |= (status == UNSURE) & is_sure & (rule.threshold < AS_VOTED)
    stretches = _Stretches(
        tracks.started_ms + runs["first_ms"],
        tracks.started_ms + runs["last_ms"],
        breaks,
        (status == MASKED) | (status == EXEMPT),
        tracks.person,
        tracks.camera,
    )
    has_broken = np.zeros(int(tracks.person.max(initial=-1)) + 1, np.bool_)
    has_broken[tracks.person[breaks]] = True
    counts = has_broken[tracks.person] & (runs["side_px"] >= rule.minimum_face)
    chosen = stretches.select(counts)
    return chosen.select(np.argsort(chosen.person, kind="stable"))


def _joined(stretches: _Stretches, rule: Rule) -> _Stretches:
    """The same with neighbours that mean the same as one, as far as no pause lies between them."""
    if not len(stretches.person):
        return stretches
    pause_ms = min(_PAUSE_MS, _ms(rule.lost_seconds))
    goes_on = (
        (stretches.person[1:] == stretches.person[:-1])
        & (stretches.breaks[1:] == stretches.breaks[:-1])
        & (stretches.complies[1:] == stretches.complies[:-1])
        & (stretches.first_ms[1:] - stretches.last_ms[:-1] <= pause_ms)
    )
    firsts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    lasts = np.append(firsts[1:] - 1, len(stretches.person) - 1)
    joined = stretches.select(firsts)
    return _Stretches(
        joined.first_ms,
        stretches.last_ms[lasts],
        joined.breaks,
        joined.complies,
        joined.person,
        joined.camera,
    )


def _follow(
    stretches: _Stretches, starts: NDArray[np.int64], lengths: NDArray[np.int64], rule: Rule
) -> Outcome:
    """Goes through everybody's first stretch, then everybody's second one, and so on."""
    people = _People(len(starts), rule)
    found_ms, found_at = [], []
    for k in range(int(lengths[0])):
        count = int(np.searchsorted(-lengths, -k))  # people with more than k stretches
        at = starts[:count] + k
        new = people.see(
            stretches.first_ms[at], stretches.last_ms[at], stretches.breaks[at], stretches.complies[at]
        )
        found_ms.append(people.since[:count][new])
        found_at.append(at[new])
        people.forget_spells(new)
    return Outcome(np.concatenate(found_ms), stretches.camera[np.concatenate(found_at)])


class _People:
    """What is remembered of each person; see `maskcam.violation_people.Person`.

    Attributes:
        since: when the present spell of breaking the rule began.
    """

    def __init__(self, count: int, rule: Rule) -> None:
        self.since = np.full(count, _NEVER)
        self._broke_last = np.full(count, _NEVER)
        self._complies_since = np.full(count, _NEVER)
        self._ended = np.full(count, _NEVER)
        self._seen_last = np.full(count, _NEVER)
        self._is_open = np.zeros(count, np.bool_)
        self._lost_ms = _ms(rule.lost_seconds)
        self._dwell_ms = _ms(rule.dwell_seconds)
        self._comply_ms = _ms(rule.comply_seconds)
        self._cooldown_ms = _ms(rule.cooldown_seconds)

    def see(
        self, first: Milliseconds, last: Milliseconds, breaks: NDArray[np.bool_], complies: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Takes the next stretch of the first so many people; for whom a violation starts with it, all are (n,)."""
        n = len(first)
        self._leave(n, first)
        self._break(n, first, last, breaks)
        started = breaks & ~self._is_open[:n] & (last - self.since[:n] >= self._dwell_ms - 1)
        is_new: NDArray[np.bool_] = started & (self.since[:n] - self._ended[:n] > self._cooldown_ms)
        self._is_open[:n] |= started
        self.since[:n][started & ~is_new] = _NEVER
        self._comply(n, first, last, complies)
        self._seen_last[:n] = last
        return is_new

    def forget_spells(self, new: NDArray[np.bool_]) -> None:
        """A spell is over once it is a violation."""
        self.since[: len(new)][new] = _NEVER

    def _leave(self, n: int, first: Milliseconds) -> None:
        gone = first - self._seen_last[:n] > self._lost_ms
        self._end(n, gone & self._is_open[:n], self._seen_last[:n])
        self.since[:n][gone] = _NEVER
        self._complies_since[:n][gone] = _NEVER

    def _break(self, n: int, first: Milliseconds, last: Milliseconds, breaks: NDArray[np.bool_]) -> None:
        begins = breaks & ((self.since[:n] == _NEVER) | (first - self._broke_last[:n] > _PAUSE_MS))
        self.since[:n] = np.where(begins, first, self.since[:n])
        self._broke_last[:n] = np.where(breaks, last, self._broke_last[:n])
        self._complies_since[:n][breaks] = _NEVER

    def _comply(self, n: int, first: Milliseconds, last: Milliseconds, complies: NDArray[np.bool_]) -> None:
        self.since[:n][complies] = _NEVER
        begins = complies & (self._complies_since[:n] == _NEVER)
        self._complies_since[:n] = np.where(begins, first, self._complies_since[:n])
        long_enough = last - self._complies_since[:n] >= self._comply_ms - 1
        self._end(n, complies & self._is_open[:n] & long_enough, self._complies_since[:n])

    def _end(self, n: int, ends: NDArray[np.bool_], at: Milliseconds) -> None:
        self._ended[:n] = np.where(ends, at, self._ended[:n])
        self._is_open[:n] &= ~ends


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
