import pytest
from scipy.stats import binomtest

from maskcam.store.statistics import Compliance, grouped, total, wilson_interval
from tests.store.rows import make_counts


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 7), (870, 1000)])
def test_the_interval_is_that_of_an_independent_implementation(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (2, 1), (-1, 3)])
def test_no_interval_of_nothing(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(successes, trials)


def test_those_who_cannot_be_judged_count_neither_way() -> None:
    compliance = total(
        [make_counts(masked=3, bare=1, incorrect=1, unsure=5), make_counts(1, masked=5, bare=0)]
    )
    assert (compliance.people, compliance.judged, compliance.rate) == (15, 10, 0.8)
    assert compliance.interval is not None
    assert compliance.interval[0] < 0.8 < compliance.interval[1]


def test_nobody_has_no_rate() -> None:
    assert total([]) == Compliance()
    assert total([]).rate is None
    assert total([make_counts(masked=0, bare=0, unsure=2)]).interval is None


def test_groups_keep_their_order() -> None:
    rows = [make_counts(camera="z"), make_counts(1, camera="a"), make_counts(2, camera="z")]
    sums = grouped(rows, lambda row: row.camera)
    assert list(sums) == ["z", "a"]
    assert sums["z"].people == 8
