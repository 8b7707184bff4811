import threading
import time
from collections.abc import Iterator

import pytest

from maskcam.belts import Ahead, Behind, Beside


def test_items_come_in_order_from_another_thread() -> None:
    threads: set[int] = set()

    def items() -> Iterator[int]:
        for i in range(100):
            threads.add(threading.get_ident())
            yield i

    with Ahead(items(), name="ahead") as ahead:
        assert list(ahead) == list(range(100))
    assert threads == threads - {threading.get_ident()}
    assert len(threads) == 1


def test_it_runs_only_a_few_items_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    with Ahead(items(), name="ahead") as ahead:
        taken = iter(ahead)
        next(taken)
        time.sleep(0.1)
        assert 2 <= len(made) <= 8
        assert next(taken) == 1


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("gone")

    with Ahead(items(), name="ahead") as ahead:
        taken = iter(ahead)
        assert [next(taken), next(taken)] == [1, 2]
        with pytest.raises(OSError, match="gone"):
            next(taken)


def test_closing_early_ends_the_thread_and_the_next_stage() -> None:
    def endless() -> Iterator[int]:
        i = 0
        while True:
            yield i
            i += 1

    with Ahead(endless(), name="first") as first, Ahead((2 * i for i in first), name="second") as second:
        assert next(iter(second)) == 0
    assert not any(thread.name in ("first", "second") for thread in threading.enumerate())


def test_work_is_done_behind_in_order_and_all_of_it() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        time.sleep(0.001)
        done.append(item)

    with Behind(work, name="behind") as behind:
        for i in range(50):
            behind.put(i)
    assert done == list(range(50))


def test_an_error_of_the_work_is_raised_by_put() -> None:
    def work(item: int) -> None:
        raise OSError(f"no room for {item}")

    behind = Behind(work, name="behind")

    def fill() -> None:
        for i in range(100):
            behind.put(i)

    with pytest.raises(OSError, match="no room for 0"):
        fill()
    behind.close()


def test_an_error_of_the_last_item_is_raised_by_close() -> None:
    def work(item: int) -> None:
        raise OSError(f"no room for {item}")

    behind = Behind(work, name="behind")
    behind.put(1)
    with pytest.raises(OSError, match="no room"):
        behind.close()


def test_nothing_is_taken_after_closing() -> None:
    behind: Behind[int] = Behind(lambda _: None, name="behind")
    behind.close()
    behind.close()
    with pytest.raises(ValueError, match="behind is closed"):
        behind.put(1)


def test_work_beside_is_over_at_the_end_of_the_block() -> None:
    began, done = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.05)
        done.set()

    with Beside(work, name="beside"):
        assert began.wait(5)
    assert done.is_set()


def test_an_error_beside_is_raised_at_the_end_of_the_block() -> None:
    def work() -> None:
        raise OSError("not there")

    def run() -> None:
        with Beside(work, name="beside"):
            pass

    with pytest.raises(OSError, match="not there"):
        run()
