"""Statistics from histograms against the standard library's from the values themselves."""

import random
import statistics
from collections import Counter

import pytest

from realtime.activities.statistics import (
    bin_counts,
    decimals_of,
    from_units,
    mean,
    median,
    nice_edges,
    quantile,
    smallest,
    stdev,
    time_bucket_ms,
    to_units,
    variance,
)


def test_they_equal_those_of_the_values() -> None:
    chance = random.Random(2)
    for size in [1, 2, 3, 10, 99]:
        values = [chance.randrange(-50, 50) for _ in range(size)]
        histogram = Counter(values)
        assert mean(histogram) == pytest.approx(statistics.fmean(values))
        assert median(histogram) == statistics.median(values)
        assert variance(histogram) == pytest.approx(statistics.pvariance(values))
        assert stdev(histogram) == pytest.approx(statistics.pstdev(values))
        assert list(smallest(histogram, 4)) == sorted(values)[:4]


def test_nothing_is_zero() -> None:
    assert mean({}) == median({}) == stdev({}) == quantile({}, 0.9) == 0
    assert list(smallest({}, 3)) == []


def test_quantiles_by_nearest_rank() -> None:
    histogram = dict.fromkeys(range(1, 11), 1)
    assert [quantile(histogram, fraction) for fraction in (0, 0.1, 0.5, 0.9, 0.91, 1)] == [1, 1, 5, 9, 10, 10]


@pytest.mark.parametrize(
    ("low", "high", "edges"),
    [
        (2, 38, [0, 5, 10, 15, 20, 25, 30, 35, 40]),
        (0, 100, list(range(0, 101, 10))),
        (7, 7, [7, 8]),
        (-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
        (-10**21, 10**21, [step * 2 * 10**20 for step in range(-5, 6)]),
    ],
)
def test_edges_are_round_numbers(low: int, high: int, edges: list[int]) -> None:
    assert nice_edges(low, high) == edges
    assert sum(bin_counts(Counter([low, high]), edges)) == 2


def test_the_last_bin_holds_its_upper_edge() -> None:
    assert bin_counts({0: 2, 10: 3, 39: 1, 40: 4}, [0, 10, 20, 30, 40]) == [2, 3, 0, 5]


def test_times_are_counted_on_a_ladder() -> None:
    assert [time_bucket_ms(ms) for ms in (-5, 9, 1_999, 6_149, 14_055, 65_432)] == [
        0,
        0,
        1_990,
        6_100,
        14_000,
        65_000,
    ]
    assert time_bucket_ms(10**9) == 2_000_000
    buckets = [time_bucket_ms(ms) for ms in range(0, 2_100_000, 5)]
    assert buckets == sorted(buckets)
    assert len(set(buckets)) < 1_000


def test_numbers_as_they_are_written() -> None:
    assert [decimals_of(value) for value in (5, 0.1, 2.50, 1e-6, 1e15, -0.125)] == [0, 1, 1, 6, 0, 3]
    assert [to_units(0.1, 1), to_units(0.3, 2), to_units(-7, 3), to_units(2.0, 0)] == [1, 30, -7000, 2]
    assert [from_units(30, 1), from_units(-125, 2), from_units(0, 4)] == [3, -1.25, 0]
    assert isinstance(from_units(30, 1), int)
    with pytest.raises(ValueError, match="at most 1 decimals"):
        to_units(0.25, 1)
