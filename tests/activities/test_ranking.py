"""Rankings by preference."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.ranking import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, Classroom, example_with


def test_the_vector_of_the_contract() -> None:
    room = Classroom(TYPE)
    for order in ("abc", "bac", "acb"):
        room.answer({"order": list(order)})
    assert room.view() == {
        "scores": {"a": 5, "b": 3, "c": 1},
        "mean_rank": {"a": 1.33, "b": 2.0, "c": 2.67},
        "positions": {"a": [2, 1, 0], "b": [1, 1, 1], "c": [0, 1, 2]},
        "pairwise": {"a>b": 2, "a>c": 3, "b>c": 2},
        "condorcet_winner": "a",
        "total_responses": 3,
    }
    assert room.view(COUNTS_ONLY) == room.view()


def test_a_circle_of_preferences_has_no_winner() -> None:
    room = Classroom(TYPE)
    for order in ("abc", "bca", "cab"):
        room.answer({"order": list(order)})
    assert room.view()["condorcet_winner"] is None
    assert Classroom(TYPE).view()["mean_rank"] == {"a": None, "b": None, "c": None}


def test_only_the_first_places() -> None:
    room = Classroom(TYPE, example_with(TYPE, rank_top=1))
    room.answer({"order": ["a"]}, times=2)
    room.answer({"order": ["c"]})
    view = room.view()
    assert view["scores"] == {"a": 4, "b": 0, "c": 2}
    assert view["positions"] == {"a": [2], "b": [0], "c": [1]}
    assert view["pairwise"] == {"a>b": 2, "a>c": 2, "b>a": 0, "b>c": 0, "c>a": 1, "c>b": 1}
    assert view["condorcet_winner"] == "a"
    with pytest.raises(Refusal) as refused:
        room.answer({"order": ["a", "b"]})
    assert refused.value.code == "too_many_choices"


def test_pairs_are_not_counted_among_many_items() -> None:
    items = [f"Item {number}" for number in range(11)]
    room = Classroom(TYPE, {"prompt": "Order", "items": items})
    order = [item.id for item in room.settings.items]
    room.answer({"order": order})
    assert len(room.tally) == 12
    assert "pairwise" not in room.view()


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (["a", "b"], "too_few_choices"),
        (["a", "b", "b"], "invalid"),
        (["a", "b", "x"], "unknown_option"),
        ("abc", "invalid"),
    ],
)
def test_orders_that_do_not_fit(order: object, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"order": order})
    assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [{"rank_top": 4}, {"rank_top": 0}, {"items": ["only"]}, {"items": ["x"] * 21}, {"method": "magic"}],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_one_column_for_each_item() -> None:
    room = Classroom(TYPE)
    room.answer({"order": ["c", "a", "b"]})
    assert room.rows()[0] == {"participant": "p1", "round": 1, "rank:a": 2, "rank:b": 3, "rank:c": 1}
