"""When masks are required: hours of the week."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as datetime.weekday() counts
_MINUTES_A_DAY = 24 * 60
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_ALLOWED = 'such as "Mon-Fri 06:00-22:00", "Sat,Sun 08:00-12:00" or "22:00-06:00"'


@dataclass(frozen=True, slots=True)
class Hours:
    """The same hours on some days of the week.

    Attributes:
        days: on which they begin, Monday being 0.
        start_minute: after midnight, 0 to 1439.
        end_minute: after midnight, 0 to 1440, and no longer part of the hours; if it is below `start_minute`, on
            the day after.
    """

    days: frozenset[int]
    start_minute: int
    end_minute: int

    def hold(self, day: int, minute: int) -> bool:
        """Whether the minute of that weekday is one of them."""
        if self.start_minute < self.end_minute:
            return day in self.days and self.start_minute <= minute < self.end_minute
        began_today = day in self.days and minute >= self.start_minute
        return began_today or ((day - 1) % 7 in self.days and minute < self.end_minute)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours in which masks are required, by the clock on the wall.

    On the two nights a year on which clocks change, hours that span the change are one hour longer or shorter.

    Attributes:
        hours: a time in any of them counts; none at all means always.
    """

    hours: tuple[Hours, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Schedule:
        """Reads hours as people write them.

        Args:
            texts: each days and hours, such as "Mon-Fri 06:00-22:00" or "Sat,Sun 08:00-12:00", or hours alone for
                every day. Hours past midnight, "22:00-06:00", belong to the day on which they began: with "Fri"
                before them they end on Saturday morning. "00:00-24:00" is the whole day.

        Raises:
            ValueError: a text cannot be read.
        """
        return cls(tuple(_parse_hours(text) for text in texts))

    def is_on(self, when: datetime) -> bool:
        """Whether masks are required then.

        Args:
            when: local time; its own hour and weekday count, whether it names a time zone or not.
        """
        minute = 60 * when.hour + when.minute
        return not self.hours or any(hours.hold(when.weekday(), minute) for hours in self.hours)


def _parse_hours(text: str) -> Hours:
    found = re.search(r"\d", text)
    days, clock = (text[: found.start()], text[found.start() :]) if found else (text, "")
    match = _HOURS.fullmatch(clock.strip())
    if not match:
        raise ValueError(f"cannot read the hours {text!r}: write days and hours {_ALLOWED}")
    start_hour, start_minute, end_hour, end_minute = (int(number) for number in match.groups())
    start, end = 60 * start_hour + start_minute, 60 * end_hour + end_minute
    if max(start_minute, end_minute) > 59 or start >= _MINUTES_A_DAY or end > _MINUTES_A_DAY:
        raise ValueError(f"no clock shows the hours {text!r}: they begin at 00:00 to 23:59 and end by 24:00")
    if start == end:
        raise ValueError(
            f"the hours {text!r} end as they begin: write 00:00-24:00 for the whole day, or another end"
        )
    return Hours(_parse_days(days, text), start, end)


def _parse_days(days: str, text: str) -> frozenset[int]:
    """The days of "Mon-Fri", "Sat,Sun", "Fri-Mon" or both ways mixed; all of them where none is named."""
    if not days.strip():
        return frozenset(range(7))
    found: set[int] = set()
    for part in days.split(","):
        names = [name.strip().lower() for name in part.split("-")]
        if len(names) > 2 or not set(names) <= set(_DAYS):
            raise ValueError(
                f"no days of the week: {part.strip()!r} in the hours {text!r}: "
                f"write Mon, Tue, Wed, Thu, Fri, Sat or Sun, {_ALLOWED}"
            )
        first, last = _DAYS.index(names[0]), _DAYS.index(names[-1])
        found |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    return frozenset(found)
