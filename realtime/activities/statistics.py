"""Statistics of a histogram: exact integers in, floats for display out.

A histogram maps a value in fixed-point units to how often it occurred. It is what counters can hold, and
mean, median and spread come from it without drift and whatever the order of the answers was.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import sqrt
from typing import Final

from realtime.core.tally import ABSTAINED, RESPONSES

Histogram = Mapping[int, int]
Number = int | float

MOST_BINS: Final = 10
# Times are counted on a ladder: (below this many ms, in steps of so many ms). Fine where people compare.
_TIME_LADDER_MS: Final = ((2_000, 10), (10_000, 50), (20_000, 100), (200_000, 1_000), (2_000_000, 10_000))
_LONGEST_MS: Final = 2_000_000


def answered(tally: Mapping[str, int]) -> int:
    """How many responses hold an answer, abstentions left out."""
    return tally.get(RESPONSES, 0) - tally.get(ABSTAINED, 0)


def size(histogram: Histogram) -> int:
    return sum(histogram.values())


def mean(histogram: Histogram) -> float:
    """The arithmetic mean; 0.0 of nothing."""
    number = size(histogram)
    return sum(value * count for value, count in histogram.items()) / number if number else 0.0


def median(histogram: Histogram) -> float:
    """The middle value, or the mean of the two middle ones; 0.0 of nothing."""
    number = size(histogram)
    if not number:
        return 0.0
    return (_at(histogram, (number - 1) // 2) + _at(histogram, number // 2)) / 2


def quantile(histogram: Histogram, fraction: float) -> int:
    """The least value that this fraction of all values does not exceed (nearest rank); 0 of nothing."""
    number = size(histogram)
    return _at(histogram, max(0, -int(-fraction * number // 1) - 1)) if number else 0


def _at(histogram: Histogram, rank: int) -> int:
    for value in sorted(histogram):
        rank -= histogram[value]
        if rank < 0:
            return value
    raise IndexError("rank beyond the histogram")


def smallest(histogram: Histogram, most: int) -> Iterator[int]:
    """The `most` smallest values in order, each as often as it occurred."""
    for value in sorted(histogram):
        for _ in range(min(histogram[value], most)):
            yield value
        most -= min(histogram[value], most)


def variance(histogram: Histogram) -> float:
    """The variance of all who answered (divided by n: they are the whole, not a sample); 0.0 of nothing."""
    number = size(histogram)
    total = sum(value * count for value, count in histogram.items())
    squares = sum(value * value * count for value, count in histogram.items())
    return variance_of_sums(number, total, squares)


def variance_of_sums(number: int, total: int, squares: int) -> float:
    """The variance from the sum of `number` values and of their squares, exact until the last step."""
    return (number * squares - total * total) / (number * number) if number else 0.0


def stdev(histogram: Histogram) -> float:
    """The standard deviation that belongs to `variance`."""
    return sqrt(variance(histogram))


def nice_edges(low: int, high: int, most_bins: int = MOST_BINS) -> list[int]:
    """Edges of at most `most_bins` bins over `low` to `high`, a power of ten times 1, 2 or 5 apart."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            start = low // step * step
            bins = max(1, -((start - high) // step))
            if bins <= most_bins:
                return [start + step * index for index in range(bins + 1)]
        power *= 10


def bin_counts(histogram: Histogram, edges: list[int]) -> list[int]:
    """How many values fall into each of the equal bins; the last bin includes its upper edge."""
    counts = [0] * (len(edges) - 1)
    step = edges[1] - edges[0]
    for value, count in histogram.items():
        counts[min((value - edges[0]) // step, len(counts) - 1)] += count
    return counts


def time_bucket_ms(elapsed_ms: int) -> int:
    """The time as it is counted: rounded down, to 10 ms at first, later to 10 s; some 800 values in all."""
    for below, step in _TIME_LADDER_MS:
        if elapsed_ms < below:
            return max(0, elapsed_ms) // step * step
    return _LONGEST_MS


def histogram_under(tally: Mapping[str, int], prefix: str) -> dict[int, int]:
    """The histogram counted under names that begin with `prefix` and end with the value."""
    start = len(prefix)
    return {int(name[start:]): count for name, count in tally.items() if name.startswith(prefix)}


# Numbers as people write them, and as integers of a fixed number of decimals


def decimals_of(value: Number) -> int:
    """How many decimals a number is written with."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def to_units(value: Number, decimals: int) -> int:
    """A number as an integer of `decimals` decimals; ValueError when it has more."""
    scaled = Decimal(repr(value)).scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"at most {decimals} decimals")
    return int(scaled)


def from_units(units: int, decimals: int) -> Number:
    """The number that `to_units` was given; an integer where it is one."""
    scale = 10**decimals
    return units // scale if units % scale == 0 else float(Decimal(units).scaleb(-decimals))
