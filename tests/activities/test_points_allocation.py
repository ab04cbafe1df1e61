"""Points shared out among items."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.points_allocation import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, Classroom, example_with


def test_totals_means_and_spread() -> None:
    room = Classroom(TYPE)
    room.answer({"points": {"a": 70, "b": 30}}, times=3)
    assert room.answer({"points": {"a": 100}}).points == {"a": 100, "b": 0}
    room.answer({"abstain": True})
    assert room.view() == {
        "totals": {"a": 310, "b": 90},
        "mean": {"a": 77.5, "b": 22.5},
        "stdev": {"a": 12.99, "b": 12.99},
        "n": 4,
    }
    assert room.view(COUNTS_ONLY) == room.view()
    assert Classroom(TYPE).view()["mean"] == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize(
    ("points", "code"),
    [
        ({"a": 70, "b": 35}, "too_many_choices"),
        ({"a": 70}, "too_few_choices"),
        ({"a": 72, "b": 28}, "invalid"),
        ({"a": 105, "b": -5}, "invalid"),
        ({"a": 70.5, "b": 29.5}, "invalid"),
        ({"a": True}, "invalid"),
        ({"x": 100}, "unknown_option"),
    ],
)
def test_points_that_do_not_fit(points: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"points": points})
    assert refused.value.code == code


def test_points_may_be_left_over_where_that_is_allowed() -> None:
    room = Classroom(TYPE, example_with(TYPE, must_spend_all=False))
    room.answer({"points": {"a": 5}})
    assert room.view()["totals"] == {"a": 5, "b": 0}


@pytest.mark.parametrize(
    "changes", [{"step": 30}, {"step": 0}, {"total": 0}, {"total": 10_005}, {"items": ["only one"]}]
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_one_column_for_each_item() -> None:
    room = Classroom(TYPE)
    room.answer({"points": {"b": 100}})
    assert room.rows()[0] == {"participant": "p1", "round": 1, "points:a": 0, "points:b": 100}
