from maskcam.outbox.limits import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_starts_come_before_ends_and_ends_before_updates() -> None:
    limit = RateLimit(8, clock=Clock())
    assert [limit.allows("door", "updated") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [limit.allows("door", "ended") for _ in range(4)] == [True] * 2 + [False] * 2
    assert [limit.allows("door", "started") for _ in range(4)] == [True] * 2 + [False] * 2


def test_the_allowance_fills_up_and_never_overflows() -> None:
    clock = Clock()
    limit = RateLimit(4, clock=clock)
    while limit.allows("door", "started"):
        pass
    clock.now = 15
    assert [limit.allows("door", "started") for _ in range(2)] == [True, False]
    clock.now = 100_000
    assert sum(limit.allows("door", "started") for _ in range(10)) == 4


def test_cameras_do_not_share() -> None:
    limit = RateLimit(1, clock=Clock())
    assert [limit.allows(name, "started") for name in ("a", "b", "a")] == [True, True, False]


def test_one_a_minute_is_enough_for_any_phase() -> None:
    for phase in ("started", "updated", "ended"):
        assert RateLimit(1, clock=Clock()).allows("door", phase)
