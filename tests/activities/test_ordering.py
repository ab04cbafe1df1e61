"""Orders with a key."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.ordering import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import (
    COUNTS_ONLY,
    HOST,
    RESULTS_WITHOUT_KEY,
    REVEALED,
    Classroom,
    example_with,
)


def test_positions_and_scores() -> None:
    room = Classroom(TYPE)
    room.answer({"order": ["a", "b", "c"]}, times=2)
    room.answer({"order": ["b", "a", "c"]})
    room.answer({"order": ["c", "a", "b"]})
    room.answer({"abstain": True})
    assert room.view() == {
        "total_responses": 4,
        "positions": {"a": [2, 2, 0], "b": [1, 2, 1], "c": [1, 0, 3]},
        "fully_correct": 2,
        "mean_score": 0.5833,
    }
    assert room.view(REVEALED) == room.view()
    assert room.view(COUNTS_ONLY) == {"total_responses": 4}
    assert room.view(RESULTS_WITHOUT_KEY).keys() == {"total_responses", "positions"}


def test_items_never_reach_participants_in_the_right_order() -> None:
    for length in range(2, 21):
        items = [{"id": f"s{number}", "text": f"Step {number}"} for number in range(length)]
        settings = read_settings(TYPE, {"prompt": f"Order {length}", "items": items})
        hidden = TYPE.public_settings(settings, COUNTS_ONLY)  # type: ignore[arg-type]
        assert "correct_order" not in hidden
        assert hidden == TYPE.public_settings(settings, COUNTS_ONLY)  # type: ignore[arg-type]
        shown = [item["id"] for item in hidden["items"]]
        assert shown != [item["id"] for item in items]
        assert sorted(shown) == sorted(item["id"] for item in items)
        assert TYPE.public_settings(settings, HOST)["items"][0]["id"] == "s0"  # type: ignore[arg-type]


def test_the_grading_is_chosen_by_name() -> None:
    letters = [{"id": letter, "text": letter} for letter in "ABCDE"]
    scores = {"longest_ordered_subset": 0.8, "all_or_nothing": 0, "relative_to_correct": 0.9}
    for marking, score in scores.items():
        room = Classroom(TYPE, {"prompt": "Order", "items": letters, "marking": marking})
        mark = room.mark({"order": list("BACDE")})
        assert mark.score == pytest.approx(score)
        assert not mark.correct


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (["a", "b"], "too_few_choices"),
        (["a", "b", "b"], "invalid"),
        (["a", "b", "x"], "unknown_option"),
        ([], "too_few_choices"),
    ],
)
def test_orders_that_do_not_fit(order: list[str], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"order": order})
    assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"correct_order": ["a", "b"]},
        {"correct_order": ["a", "b", "b"]},
        {"correct_order": ["a", "b", "x"]},
        {"marking": "by_feeling"},
        {"items": [{"id": "a", "text": "A"}], "correct_order": ["a"]},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_rows_carry_places_and_the_judgement() -> None:
    room = Classroom(TYPE)
    room.answer({"order": ["b", "a", "c"]})
    assert room.rows()[0] == {
        "participant": "p1",
        "round": 1,
        "place:a": 2,
        "place:b": 1,
        "place:c": 3,
        "correct": False,
        "score": 0.333333,
    }
