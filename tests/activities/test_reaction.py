"""The pulse of the room."""

import pytest

from realtime.activities.reaction import SERIES_STEPS, TYPE, Answer
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, Classroom, example_with


def test_the_newest_window_is_now() -> None:
    room = Classroom(TYPE)
    room.answer({"kind": "too_fast", "on": True}, times=2, elapsed_ms=5_000)
    room.answer({"kind": "confused"}, elapsed_ms=70_000)
    room.answer({"kind": "too_fast"}, elapsed_ms=125_000)
    view = room.view(COUNTS_ONLY)
    assert view["total"] == {"too_fast": 3, "confused": 1}
    assert view["now"] == {"too_fast": 1, "confused": 1}
    assert view["series"] == [
        {"elapsed_s": 0, "too_fast": 2}, {"elapsed_s": 70, "confused": 1}, {"elapsed_s": 120, "too_fast": 1},
    ]  # fmt: skip


def test_letting_go_takes_the_reaction_back() -> None:
    room = Classroom(TYPE)
    assert TYPE.counters(room.settings, Answer(kind="heart", on=False), 5) == {}
    assert room.view()["now"] == {}


def test_sustained_replaces_and_bursts_add() -> None:
    sustained, burst = Classroom(TYPE), Classroom(TYPE, example_with(TYPE, mode="burst"))
    press = Answer(kind="heart")
    assert TYPE.entry(sustained.settings, press, "s1") == ""
    assert TYPE.entry(burst.settings, press, "s1") == "b:s1"


def test_older_clients_and_late_presses() -> None:
    room = Classroom(TYPE)
    room.answer({"emoji": "heart"}, elapsed_ms=10**12)
    room.answer({"reaction": "heart"})
    assert room.view()["total"] == {"heart": 2}
    with pytest.raises(Refusal, match="unknown_option"):
        room.answer({"kind": "poison"})


def test_the_series_is_bounded() -> None:
    room = Classroom(TYPE)
    for step in range(SERIES_STEPS + 10):
        room.answer({"kind": "heart"}, elapsed_ms=step * 10_000)
    assert len(room.view()["series"]) == SERIES_STEPS
