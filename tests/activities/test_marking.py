"""The vectors of the marking rules; every value comes from the source named in the contract."""

import pytest

from realtime.activities.marking import (
    ChoiceRule,
    OrderRule,
    closeness,
    map_response,
    mark_choice,
    mark_order,
    mean_score,
    score_units,
    share,
)


@pytest.mark.parametrize(
    ("rule", "correct", "selected", "options", "score"),
    [
        ("partial", "abc", "ab", 4, 0.5),
        ("partial", "abc", "abc", 4, 1),
        ("partial", "abc", "abcd", 4, 0.5),
        ("partial", "abc", "d", 4, 0),
        ("partial", "a", "b", 5, 0.2),
        ("kprim", "abc", "abc", 4, 1),
        ("kprim", "abc", "ab", 4, 0.5),
        ("kprim", "abc", "a", 4, 0),
        ("kprim", "abc", "", 4, 0),
        ("kprim", "abc", "d", 4, 0),
        ("per_option", "abc", "ab", 4, 0.75),
        ("exact", "abc", "cba", 4, 1),
        ("exact", "abc", "ab", 4, 0),
    ],
)
def test_choice_rules(rule: ChoiceRule, correct: str, selected: str, options: int, score: float) -> None:
    assert mark_choice(rule, list(correct), list(selected), options) == pytest.approx(score)


def test_map_response() -> None:
    values = {"a": 1, "b": 1, "d": -1}
    assert map_response(["a", "d"], values, 0, 0, 2) == 0
    assert map_response(["d"], values, 0, 0, 2) == 0
    assert map_response(["d"], values, 0, None, 2) == -1
    assert map_response(["a", "b"], {"a": 3, "b": 1}, 0, 0, 2) == 2
    assert map_response(["a", "b", "x"], {"a": 1.5, "b": 1}, -0.5) == 2.0


ORDERS = ("BACDE", "BCDEA", "EDCBA")


@pytest.mark.parametrize(
    ("rule", "scores"),
    [
        ("all_or_nothing", (0, 0, 0)),
        ("absolute_position", (0.6, 0, 0.2)),
        ("relative_next_exclude_last", (0.5, 0.75, 0)),
        ("relative_next_include_last", (0.6, 0.6, 0)),
        ("relative_one_previous_and_next", (0.5, 0.6, 0)),
        ("relative_all_previous_and_next", (0.9, 0.6, 0)),
        ("longest_ordered_subset", (0.8, 0.8, 0)),
        ("longest_contiguous_subset", (0.6, 0.8, 0)),
        ("relative_to_correct", (0.9, 0.6, 0.4)),
    ],
)
def test_gradings_of_an_order(rule: OrderRule, scores: tuple[float, ...]) -> None:
    for order, score in zip(ORDERS, scores, strict=True):
        assert mark_order(rule, "ABCDE", order) == pytest.approx(score), order
    assert mark_order(rule, "ABCDE", "ABCDE") == 1
    assert mark_order(rule, "AB", "AB") == 1


@pytest.mark.parametrize(
    ("value", "score"), [(89, 0), (90, 0.1), (95, 0.75), (100, 1), (110, 0.75), (120, 0.1), (121, 0)]
)
def test_closeness(value: float, score: float) -> None:
    assert closeness(value, 90, 100, 120) == pytest.approx(score)


def test_closeness_with_one_side() -> None:
    assert closeness(100, 100, 100, 120) == 1
    assert closeness(99, 100, 100, 120) == 0
    assert closeness(110, 100, 100, 120) == 0.75


def test_scores_are_counted_as_integers() -> None:
    assert score_units(1 / 3) == 333_333
    assert mean_score(3 * score_units(1 / 3) + score_units(1), 4) == 0.5
    assert mean_score(0, 0) == share(0, 0) == 0
    assert share(80, 96) == 0.8333
