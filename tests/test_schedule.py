from datetime import UTC, datetime, timedelta

import pytest

from maskcam.schedule import Schedule

MONDAY = datetime(2024, 1, 1)  # the clock on the wall


def at(day: str, clock: str) -> datetime:
    """A time in one week."""
    hour, minute = (int(part) for part in clock.split(":"))
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(day)
    return MONDAY + timedelta(days=days, hours=hour, minutes=minute)


def hours_on(*texts: str) -> float:
    """How many hours of a week are on."""
    schedule = Schedule.parse(texts)
    return sum(schedule.is_on(MONDAY + timedelta(minutes=15 * i)) for i in range(7 * 24 * 4)) / 4


def test_none_is_always() -> None:
    assert Schedule.parse([]) == Schedule()
    assert hours_on() == 7 * 24


@pytest.mark.parametrize(
    ("day", "clock", "on"),
    [
        ("Mon", "05:59", False),
        ("Mon", "06:00", True),
        ("Wed", "13:00", True),
        ("Fri", "21:59", True),
        ("Fri", "22:00", False),
        ("Sat", "12:00", False),
        ("Sun", "12:00", False),
    ],
)
def test_working_days(day: str, clock: str, on: bool) -> None:
    assert Schedule.parse(["Mon-Fri 06:00-22:00"]).is_on(at(day, clock)) is on


@pytest.mark.parametrize(
    ("day", "clock", "on"),
    [
        ("Fri", "05:00", False),  # Thursday night is not among them
        ("Fri", "21:59", False),
        ("Fri", "23:59", True),
        ("Sat", "00:00", True),  # it began on Friday
        ("Sat", "05:59", True),
        ("Sat", "06:00", False),
        ("Sat", "22:00", True),
        ("Sun", "05:59", True),
        ("Sun", "22:00", False),
    ],
)
def test_past_midnight_belongs_to_the_day_it_began(day: str, clock: str, on: bool) -> None:
    assert Schedule.parse(["Fri,Sat 22:00-06:00"]).is_on(at(day, clock)) is on


def test_sunday_night_ends_on_monday() -> None:
    schedule = Schedule.parse(["Sun 22:00-06:00"])
    assert schedule.is_on(at("Mon", "05:59"))
    assert not schedule.is_on(at("Tue", "05:59"))


@pytest.mark.parametrize(
    ("texts", "hours"),
    [
        (["22:00-06:00"], 7 * 8),
        (["Mon-Fri 06:00-22:00"], 5 * 16),
        (["Mon-Fri 06:00-22:00", "Sat,Sun 08:00-12:00"], 5 * 16 + 2 * 4),
        (["06:00-12:00", "10:00-14:00"], 7 * 8),  # a union
        (["00:00-24:00"], 7 * 24),
        (["Mon 18:00-24:00"], 6),
        (["Mon 18:00-00:00"], 6),
        (["Fri-Mon 08:00-09:00"], 4),  # over the weekend
        (["Mon-Wed,Fri 08:00-09:00"], 4),
        (["Mon,Mon 08:00-09:00"], 1),
        (["  mon - FRI   6:00 - 7:30  "], 7.5),
        (["Sat, Sun 08:00-12:00"], 8),
    ],
)
def test_hours_a_week(texts: list[str], hours: float) -> None:
    assert hours_on(*texts) == hours


def test_the_clock_on_the_wall_counts_in_any_zone() -> None:
    schedule = Schedule.parse(["Mon 06:00-07:00"])
    assert schedule.is_on(datetime(2024, 1, 1, 6, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot read the hours ''"),
        ("always", "cannot read the hours 'always'"),
        ("Mon-Fri", "cannot read the hours 'Mon-Fri'"),
        ("Mon-Fri 6-22", "write days and hours such as"),
        ("Mon 06:00-22:00 Tue", "cannot read"),
        ("06:00-22:00, 23:00-24:00", "cannot read"),
        ("Mon-Fri 06:60-22:00", "no clock shows"),
        ("24:00-06:00", "no clock shows"),
        ("06:00-24:01", "no clock shows"),
        ("06:00-06:00", "end as they begin: write 00:00-24:00"),
        ("Funday 06:00-22:00", "no days of the week: 'Funday'"),
        ("Mon-Wed-Fri 06:00-22:00", "no days of the week: 'Mon-Wed-Fri'"),
        ("Mon, 06:00-22:00", "no days of the week: ''"),
        ("Mon- 06:00-22:00", "no days of the week"),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Schedule.parse(["08:00-12:00", text])
