"""How answers to a known key are judged: choice rules, gradings of an order, closeness of a number.

Every function returns a score from 0 to 1, but for `map_response`, which returns the points themselves.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal

ChoiceRule = Literal["exact", "partial", "kprim", "per_option"]
OrderRule = Literal[
    "all_or_nothing",
    "absolute_position",
    "relative_next_exclude_last",
    "relative_next_include_last",
    "relative_one_previous_and_next",
    "relative_all_previous_and_next",
    "longest_ordered_subset",
    "longest_contiguous_subset",
    "relative_to_correct",
]

SCORE_UNITS: Final = 1_000_000  # scores are counted in millionths: a tally holds integers only
CLOSENESS_FLOOR: Final = 0.1  # what a guess at the very edge of the band still earns


def score_units(score: float) -> int:
    """A score as the integer that is counted."""
    return round(score * SCORE_UNITS)


def marked(*, correct: bool, score: float) -> dict[str, int]:
    """What a mark adds to a tally: whether all of it was right, and its score."""
    counters = {"right": 1} if correct else {}
    return counters | {"score": score_units(score)} if score else counters


def mean_score(units: int, answers: int) -> float:
    """The mean score of `answers` answers whose counted scores add up to `units`; 0.0 without answers."""
    return round(units / SCORE_UNITS / answers, 4) if answers else 0.0


def share(part: int, whole: int) -> float:
    """A fraction for display; 0.0 where there is nothing to divide by."""
    return round(part / whole, 4) if whole else 0.0


def mark_choice(rule: ChoiceRule, correct: Collection[str], selected: Collection[str], options: int) -> float:
    """The score of a choice among `options` options; every option is one decision, right or wrong."""
    wrong = len(set(correct) ^ set(selected))
    if rule == "exact":
        return 0.0 if wrong else 1.0
    if rule == "kprim":
        return {0: 1.0, 1: 0.5}.get(wrong, 0.0)
    if rule == "per_option":
        return (options - wrong) / options
    return max(0.0, 1 - 2 * wrong / options)


def map_response(
    selected: Collection[str],
    mapped_values: Mapping[str, float],
    default_value: float = 0,
    lower_bound: float | None = None,
    upper_bound: float | None = None,
) -> float:
    """The points of QTI's `map_response`: the sum of the choices' mapped values, kept within the bounds."""
    points = sum(mapped_values.get(choice, default_value) for choice in set(selected))
    if lower_bound is not None:
        points = max(lower_bound, points)
    if upper_bound is not None:
        points = min(upper_bound, points)
    return float(points)


def mark_order(rule: OrderRule, key: Sequence[str], order: Sequence[str]) -> float:
    """The score of a permutation of `key`; the rules carry the names of Moodle's `ordering`."""
    place = {item: index for index, item in enumerate(key)}
    return _ORDER_RULES[rule]([place[item] for item in order])


# Below, an order is the list of the items' places in the key: [1, 0, 2] for B A C where A B C is right.


def _all_or_nothing(places: list[int]) -> float:
    return float(places == list(range(len(places))))


def _absolute_position(places: list[int]) -> float:
    return sum(place == index for index, place in enumerate(places)) / len(places)


def _followed_rightly(places: list[int]) -> int:
    return sum(after == before + 1 for before, after in pairwise(places))


def _relative_next_exclude_last(places: list[int]) -> float:
    return _followed_rightly(places) / (len(places) - 1)


def _relative_next_include_last(places: list[int]) -> float:
    return (_followed_rightly(places) + _ends_rightly(places)) / len(places)


def _ends_rightly(places: list[int]) -> bool:
    return places[-1] == len(places) - 1


def _relative_one_previous_and_next(places: list[int]) -> float:
    # A neighbour rightly followed is also rightly preceded; the two ends have "nothing" as a neighbour.
    neighbours = 2 * _followed_rightly(places) + (places[0] == 0) + _ends_rightly(places)
    return neighbours / (2 * len(places))


def _relative_all_previous_and_next(places: list[int]) -> float:
    number = len(places)
    in_order = sum(places[i] < places[j] for i in range(number) for j in range(i + 1, number))
    return in_order / (number * (number - 1) / 2)


def _longest_ordered_subset(places: list[int]) -> float:
    ends: list[int] = []  # the least last place of an ordered subset of each length
    for place in places:
        index = bisect_left(ends, place)
        ends[index : index + 1] = [place]
    return _subset_score(len(ends), len(places))


def _longest_contiguous_subset(places: list[int]) -> float:
    longest = run = 1
    for before, after in pairwise(places):
        run = run + 1 if after == before + 1 else 1
        longest = max(longest, run)
    return _subset_score(longest, len(places))


def _subset_score(length: int, number: int) -> float:
    return length / number if length > 1 else 0.0  # a single item is always "in order"


def _relative_to_correct(places: list[int]) -> float:
    number = len(places)
    away = sum(abs(place - index) for index, place in enumerate(places))
    return 1 - away / (number * (number - 1))


_ORDER_RULES: Final[dict[OrderRule, Callable[[list[int]], float]]] = {
    "all_or_nothing": _all_or_nothing,
    "absolute_position": _absolute_position,
    "relative_next_exclude_last": _relative_next_exclude_last,
    "relative_next_include_last": _relative_next_include_last,
    "relative_one_previous_and_next": _relative_one_previous_and_next,
    "relative_all_previous_and_next": _relative_all_previous_and_next,
    "longest_ordered_subset": _longest_ordered_subset,
    "longest_contiguous_subset": _longest_contiguous_subset,
    "relative_to_correct": _relative_to_correct,
}


def closeness(value: float, low: float, best: float, high: float) -> float:
    """How near a guess is: 1 at `best`, `1 - d²` to 0.1 at the edge of its side, 0 outside the band."""
    if value == best:
        return 1.0
    if not low <= value <= high:
        return 0.0
    edge = low if value < best else high
    distance = (value - best) / (edge - best)
    return max(CLOSENESS_FLOOR, 1 - distance * distance)
