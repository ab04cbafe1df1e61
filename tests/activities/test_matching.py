"""Pairs and categories."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.matching import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import (
    COUNTS_ONLY,
    HOST,
    RESULTS_WITHOUT_KEY,
    REVEALED,
    Classroom,
    example_with,
)


def test_matrix_and_scores() -> None:
    room = Classroom(TYPE)
    room.answer({"pairs": {"l1": "r1", "l2": "r2"}}, times=3)
    room.answer({"pairs": {"l1": "r2", "l2": "r1"}})
    room.answer({"pairs": {"l1": "r1"}})
    assert room.view() == {
        "total_responses": 5,
        "matrix": {"l1": {"r1": 4, "r2": 1}, "l2": {"r1": 1, "r2": 3}},
        "fully_correct": 3,
        "mean_score": 0.7,
    }
    assert room.view(REVEALED) == room.view()
    assert room.view(RESULTS_WITHOUT_KEY).keys() == {"total_responses", "matrix"}
    assert room.view(COUNTS_ONLY) == {"total_responses": 5}


def test_the_right_side_never_stands_in_the_order_of_the_left() -> None:
    for length in range(2, 21):
        left = [{"id": f"l{number}", "text": "L"} for number in range(length)]
        right = [{"id": f"r{number}", "text": "R"} for number in range(length)]
        pairs = {f"l{number}": f"r{number}" for number in range(length)}
        room = Classroom(TYPE, {"prompt": "Match", "left": left, "right": right, "pairs": pairs})
        hidden = TYPE.public_settings(room.settings, COUNTS_ONLY)
        assert "pairs" not in hidden
        assert [item["id"] for item in hidden["right"]] != list(pairs.values())
        whole = TYPE.public_settings(room.settings, HOST)
        assert [item["id"] for item in whole["right"]] == list(pairs.values())


def test_partly_right_answers_earn_by_the_marking() -> None:
    assert Classroom(TYPE).mark({"pairs": {"l1": "r1"}}).score == 0.5
    whole = Classroom(TYPE, example_with(TYPE, marking="all_or_nothing"))
    assert whole.mark({"pairs": {"l1": "r1"}}).score == 0
    assert whole.mark({"pairs": {"l2": "r2", "l1": "r1"}}).correct


def test_categories_may_be_used_again() -> None:
    settings = example_with(TYPE, right_reusable=True, pairs={"l1": "r1", "l2": "r1"})
    assert Classroom(TYPE, settings).mark({"pairs": {"l1": "r1", "l2": "r1"}}).correct


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ({"l1": "r1", "l2": "r1"}, "invalid"),
        ({"l3": "r1"}, "unknown_option"),
        ({"l1": "r3"}, "unknown_option"),
        ({}, "too_few_choices"),
        ({"l1": 1}, "invalid"),
    ],
)
def test_pairs_that_do_not_fit(pairs: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"pairs": pairs})
    assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"pairs": {"l1": "r1"}},
        {"pairs": {"l1": "r1", "l2": "r3"}},
        {"pairs": {"l1": "r1", "l2": "r1"}},
        {"left": [{"id": "l1", "text": "a"}], "pairs": {"l1": "r1"}},
        {"left": [{"id": "l1", "text": "a"}, {"id": "l1", "text": "b"}]},
        {"marking": "by_feeling"},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_one_column_for_each_left_side() -> None:
    room = Classroom(TYPE)
    room.answer({"pairs": {"l2": "r1"}})
    assert room.rows()[0] == {
        "participant": "p1",
        "round": 1,
        "pair:l1": None,
        "pair:l2": "r1",
        "correct": False,
        "score": 0.0,
    }
