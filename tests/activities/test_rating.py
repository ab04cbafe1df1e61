"""Ratings on a scale."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.rating import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, Classroom, example_with


def one_scale(**changes: object) -> dict[str, object]:
    return {"prompt": "How was it?", "min": 1, "max": 5, "step": 1} | changes


def test_statistics_of_each_item() -> None:
    room = Classroom(TYPE)
    for value, times in ((1, 2), (2, 6), (3, 20), (4, 42), (5, 20)):
        room.answer({"ratings": {"i1": value}}, times=times)
    room.answer({"ratings": {"i2": 2}})
    view = room.view()
    assert view["items"]["i1"] == {
        "n": 90,
        "mean": 3.8,
        "median": 4,
        "stdev": 0.9333,
        "distribution": {"1": 2, "2": 6, "3": 20, "4": 42, "5": 20},
    }
    assert view["items"]["i2"]["n"] == 1
    assert view["nps"] is None
    assert room.view(COUNTS_ONLY) == view


def test_before_the_first_rating_there_are_no_numbers() -> None:
    item = Classroom(TYPE).view()["items"]["i1"]
    assert (item["n"], item["mean"], item["median"], item["stdev"]) == (0, None, None, None)
    assert item["distribution"] == {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}


def test_recommendation_score() -> None:
    room = Classroom(TYPE, {"prompt": "Would you recommend us?", "kind": "nps"})
    assert room.view()["nps"] is None
    for value, times in ((10, 3), (9, 2), (8, 2), (6, 2), (0, 1)):
        room.answer({"rating": value}, times=times)
    assert room.view()["nps"] == 20.0


def test_a_scale_of_halves() -> None:
    room = Classroom(TYPE, one_scale(min=-0.5, max=1, step=0.5, labels={"-0.5": "low", "1": "high"}))
    assert room.answer({"value": 1.0}).ratings == {"value": 1}
    room.answer({"value": -0.5})
    item = room.view()["items"]["value"]
    assert item["distribution"] == {"-0.5": 1, "0": 0, "0.5": 0, "1": 1}
    assert (item["mean"], item["median"], item["stdev"]) == (0.25, 0.25, 0.75)


@pytest.mark.parametrize(
    ("ratings", "code"),
    [
        ({"i1": 0}, "invalid"),
        ({"i1": 6}, "invalid"),
        ({"i1": 2.5}, "invalid"),
        ({"i1": True}, "invalid"),
        ({"i1": "4"}, "invalid"),
        ({"i3": 4}, "unknown_option"),
        ({}, "too_few_choices"),
    ],
)
def test_ratings_that_do_not_fit(ratings: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"ratings": ratings})
    assert refused.value.code == code


def test_items_may_only_be_skipped_where_that_is_allowed() -> None:
    room = Classroom(TYPE, example_with(TYPE, allow_skip=False))
    with pytest.raises(Refusal) as refused:
        room.answer({"ratings": {"i1": 4}})
    assert refused.value.details["field"] == "data.ratings.i2"


@pytest.mark.parametrize(
    "changes",
    [
        {"min": 5, "max": 5},
        {"step": 0},
        {"step": 3},
        {"min": 0, "max": 101},
        {"step": 0.0000001},
        {"labels": {"6": "too much"}},
        {"kind": "nps"},
        {"items": []},
        {"items": [{"id": "a", "text": "A"}] * 2},
        {"items": [{"id": f"i{number}", "text": "x"} for number in range(21)]},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, one_scale(**changes))


def test_a_hundred_steps_are_allowed() -> None:
    room = Classroom(TYPE, one_scale(min=0, max=100, kind="slider"))
    room.answer({"rating": 100})
    assert len(room.view()["items"]["value"]["distribution"]) == 101


def test_one_column_for_each_item() -> None:
    room = Classroom(TYPE)
    room.answer({"ratings": {"i2": 2}})
    assert room.rows() == [{"participant": "p1", "round": 1, "rating:i1": None, "rating:i2": 2}]
