from collections.abc import Iterable

import pytest

from maskcam.encoded import EncodedQueue, EncodedRing
from maskcam.types import EncodedPicture


def pictures(first: int, count: int, *, group: int = 5) -> list[EncodedPicture]:
    """One a second, of 10 bytes, the first of each group a key picture."""
    return [EncodedPicture(b"0123456789", float(i), i % group == 0) for i in range(first, first + count)]


def seconds(found: Iterable[EncodedPicture]) -> list[float]:
    return [picture.pts_seconds for picture in found]


def test_a_ring_begins_at_a_key_picture_and_reaches_back_far_enough() -> None:
    ring = EncodedRing(seconds=7, most_bytes=10_000)
    for number in range(3, 43):
        ring.add(pictures(number, 1))
        ring.trim()
        kept = ring.since(-1)
        if kept:
            assert kept[0].is_key
        if number >= 12:
            assert number - 7 - 5 < kept[0].pts_seconds <= number - 7, (
                "at least 7 s, and less than a group more"
            )
    assert ring.newest_seconds == 42
    assert ring.size_bytes == 10 * len(ring.since(-1))


@pytest.mark.parametrize(("since", "first"), [(-9, 0), (0, 0), (4.9, 0), (5, 5), (7, 5), (99, 10)])
def test_since_begins_at_the_key_picture_before(since: float, first: int) -> None:
    ring = EncodedRing(seconds=100, most_bytes=10_000)
    ring.add(pictures(0, 15))
    assert seconds(ring.since(since)) == list(range(first, 15))


def test_what_is_held_stays_until_memory_is_short() -> None:
    ring = EncodedRing(seconds=2, most_bytes=200)
    ring.add(pictures(0, 20))
    ring.trim(keep_from=6)
    assert seconds(ring.since(0)) == list(range(5, 20))
    ring.add(pictures(20, 8))
    assert ring.is_full
    ring.make_room()
    assert seconds(ring.since(0)) == list(range(10, 28))
    assert not ring.is_full


def test_one_group_that_is_too_large_goes_and_so_does_its_rest() -> None:
    ring = EncodedRing(seconds=2, most_bytes=200)
    ring.add(pictures(0, 21, group=100))
    ring.make_room()
    ring.add(pictures(21, 79, group=100))
    assert ring.since(0) == ()
    assert ring.size_bytes == 0
    ring.add(pictures(100, 3, group=100))
    assert seconds(ring.since(0)) == [100, 101, 102]


def test_nothing_builds_upon_what_is_missing() -> None:
    ring = EncodedRing(seconds=100, most_bytes=10_000)
    ring.add(pictures(0, 7))
    ring.cut()
    ring.add(pictures(8, 5))
    assert seconds(ring.since(0)) == [*range(7), 10, 11, 12]
    ring.clear()
    ring.add(pictures(13, 3))
    assert seconds(ring.since(0)) == [15]


def test_a_queue_hands_over_everything_once() -> None:
    queue = EncodedQueue(most_bytes=1000)
    queue.add(pictures(3, 2))
    queue.add(pictures(5, 2))
    assert seconds(queue.take()) == [3, 4, 5, 6]
    assert queue.take() == ()


def test_a_queue_that_nobody_empties_starts_anew_at_a_key_picture() -> None:
    queue = EncodedQueue(most_bytes=100)
    queue.add(pictures(0, 11))
    queue.add(pictures(11, 6))
    assert seconds(queue.take()) == [15, 16]
