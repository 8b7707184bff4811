"""How often one may try to log in."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_KEYS = 20_000
"""Addresses and names that are remembered; whoever uses more of them makes us forget the oldest."""


@dataclass(slots=True)
class _Bucket:
    """Attempts that are left; they come back over time."""

    left: float
    seconds: float


class LoginLimit:
    """Some attempts at once, then one every now and then, per address and per user. All calls in one thread.

    Args:
        per_user: attempts at once on one user's password.
        per_address: attempts at once from one address, whoever it claims to be.
        user_seconds: after which one more is allowed, for a user.
        address_seconds: likewise, for an address.
        clock: as `time.monotonic`.
    """

    def __init__(
        self,
        *,
        per_user: int = 5,
        per_address: int = 10,
        user_seconds: float = 30.0,
        address_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = {"user": (per_user, user_seconds), "address": (per_address, address_seconds)}
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait_seconds(self, address: str, user: str) -> float:
        """Counts an attempt, before its password is looked at, so that many at once are no way around it.

        Returns:
            0 where it is allowed; otherwise how long to wait, and nothing has been counted.
        """
        keys = [("address", network_of(address)), ("user", user)]
        buckets = [self._filled(key) for key in keys]
        waits = [
            (1 - bucket.left) * self._rules[kind][1]
            for (kind, _), bucket in zip(keys, buckets, strict=True)
            if bucket.left < 1
        ]
        if waits:
            return max(waits)
        for bucket in buckets:
            bucket.left -= 1
        return 0.0

    def succeeded(self, address: str, user: str) -> None:
        """The attempt that was counted last was a good one."""
        for key in (("address", network_of(address)), ("user", user)):
            self._buckets.pop(key, None)

    def _filled(self, key: tuple[str, str]) -> _Bucket:
        most, seconds_each = self._rules[key[0]]
        now = self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(most, now)
        bucket.left = min(most, bucket.left + (now - bucket.seconds) / seconds_each)
        bucket.seconds = now
        self._buckets[key] = bucket  # as the newest
        if len(self._buckets) > _MOST_KEYS:
            del self._buckets[next(iter(self._buckets))]
        return bucket


def network_of(address: str) -> str:
    """What counts as one address: of IPv6, the 64 bits of a network, since everybody has all the others."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
