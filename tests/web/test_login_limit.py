import pytest

from maskcam.web.login_limit import LoginLimit, network_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_attempts_come_back_over_time() -> None:
    clock = Clock()
    limit = LoginLimit(per_user=2, user_seconds=30, clock=clock)
    assert [limit.wait_seconds("10.0.0.1", "eve") for _ in range(3)] == [0, 0, 30]
    clock.now = 10
    assert limit.wait_seconds("10.0.0.1", "eve") == pytest.approx(20)
    clock.now = 30
    assert [limit.wait_seconds("10.0.0.1", "eve") for _ in range(2)] == [0, 30]
    clock.now = 1000
    assert [limit.wait_seconds("10.0.0.1", "eve") for _ in range(3)] == [0, 0, 30], "no more than at first"


def test_a_user_is_guarded_from_many_addresses_and_many_users_from_one() -> None:
    limit = LoginLimit(per_user=2, per_address=3, clock=Clock())
    assert [limit.wait_seconds(f"10.0.0.{i}", "admin") > 0 for i in range(3)] == [False, False, True]
    assert [limit.wait_seconds("10.9.9.9", f"user{i}") > 0 for i in range(4)] == [False, False, False, True]


def test_success_forgives() -> None:
    limit = LoginLimit(per_user=2, clock=Clock())
    for _ in range(5):
        assert limit.wait_seconds("10.0.0.1", "me") == 0
        limit.succeeded("10.0.0.1", "me")


def test_memory_is_bounded() -> None:
    limit = LoginLimit(clock=Clock())
    for i in range(30_000):
        limit.wait_seconds(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", f"user{i}")
    assert len(limit._buckets) <= 20_000


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("unknown") == "unknown"
