"""How many of those who could be judged wore their masks right."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from maskcam.store.records import MinuteCounts

Key = TypeVar("Key")

_Z_95 = 1.959963984540054  # of the normal distribution: 95% lie within


@dataclass(frozen=True, slots=True)
class Compliance:
    """People-minutes of some place and time: somebody seen in three minutes counts three times.

    Attributes:
        people: all of them.
        masked: mask worn right.
        bare: no mask.
        incorrect: mask worn wrong.
        unsure: could not be told; they count neither way.
    """

    people: int = 0
    masked: int = 0
    bare: int = 0
    incorrect: int = 0
    unsure: int = 0

    def __add__(self, other: Compliance) -> Compliance:
        return Compliance(
            self.people + other.people,
            self.masked + other.masked,
            self.bare + other.bare,
            self.incorrect + other.incorrect,
            self.unsure + other.unsure,
        )

    @property
    def judged(self) -> int:
        """Those of whom it could be told."""
        return self.masked + self.bare + self.incorrect

    @property
    def rate(self) -> float | None:
        """Part of the judged ones who wore their masks right, in [0, 1]; None where there were none."""
        return self.masked / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the rate lies with 95% confidence, were all people-minutes independent; None as for `rate`."""
        return wilson_interval(self.masked, self.judged) if self.judged else None


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95% score interval of a proportion (E. B. Wilson, JASA 22, 1927), fit for few trials and rates near 0 and 1.

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or not trials:
        raise ValueError(f"needs 0 <= successes <= trials and a trial, got {successes} of {trials}")
    rate, squared = successes / trials, _Z_95**2
    centre = (rate + squared / (2 * trials)) / (1 + squared / trials)
    spread = (
        math.sqrt(rate * (1 - rate) / trials + squared / (4 * trials**2)) * _Z_95 / (1 + squared / trials)
    )
    return max(0.0, centre - spread), min(1.0, centre + spread)


def total(counts: Iterable[MinuteCounts]) -> Compliance:
    """All of them together."""
    return sum((_compliance(row) for row in counts), Compliance())


def grouped(counts: Iterable[MinuteCounts], key: Callable[[MinuteCounts], Key]) -> dict[Key, Compliance]:
    """Sums for each value of `key`, in the order in which those come first."""
    sums: dict[Key, Compliance] = defaultdict(Compliance)
    for row in counts:
        sums[key(row)] += _compliance(row)
    return dict(sums)


def _compliance(row: MinuteCounts) -> Compliance:
    return Compliance(row.people, row.masked, row.bare, row.incorrect, row.unsure)
