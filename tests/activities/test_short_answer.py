"""Short texts against accepted answers."""

import pytest

from realtime.activities.contract import read_settings
from realtime.activities.short_answer import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import (
    COUNTS_ONLY,
    HOST,
    RESULTS_WITHOUT_KEY,
    REVEALED,
    Classroom,
    example_with,
)


def class_with_answers() -> Classroom:
    room = Classroom(TYPE)
    room.answer({"text": "  chlorophyll "}, times=2)
    room.answer({"text": "Chlorophyll"})
    room.answer({"text": "Chlorophyl"})
    room.answer({"text": "leaf green"})
    return room


def test_equal_answers_are_grouped_and_judged() -> None:
    assert class_with_answers().view() == {
        "total_responses": 5,
        "correct_fraction": 0.6,
        "mean_score": 0.7,
        "ungraded": 0,
        "groups": [
            {"key": "chlorophyll", "count": 3, "fraction": 1.0},
            {"key": "chlorophyl", "count": 1, "fraction": 0.5},
            {"key": "leaf green", "count": 1, "fraction": 0.0},
        ],
        "distinct": 3,
        "truncated": False,
    }


def test_participants_see_what_the_key_knows() -> None:
    room = class_with_answers()
    assert room.view(COUNTS_ONLY) == {"total_responses": 5}
    assert room.view(RESULTS_WITHOUT_KEY)["groups"] == []
    assert [group["key"] for group in room.view(REVEALED)["groups"]] == ["chlorophyll", "chlorophyl"]
    assert "answers" not in TYPE.public_settings(room.settings, RESULTS_WITHOUT_KEY)
    open_room = Classroom(TYPE, example_with(TYPE, show_to_participants=True))
    open_room.answer({"text": "leaf green"})
    assert open_room.view(RESULTS_WITHOUT_KEY)["groups"] == [{"key": "leaf green", "count": 1}]


def test_accepting_an_answer_judges_everybody_who_gave_it() -> None:
    room = class_with_answers()
    room.decide({"action": "accept", "text": " Leaf  green"})
    view = room.view(REVEALED)
    assert (view["correct_fraction"], view["mean_score"]) == (0.8, 0.9)
    assert {"key": "leaf green", "count": 1, "fraction": 1.0} in view["groups"]
    room.decide({"action": "accept", "text": "leaf green", "fraction": None})
    assert room.view() == class_with_answers().view()


@pytest.mark.parametrize(
    "decision",
    [
        {"action": "pin", "text": "x"},
        {"action": "accept"},
        {"action": "accept", "text": " "},
        {"action": "accept", "text": "x" * 101},
        {"action": "accept", "text": "x", "fraction": 2},
        {"action": "accept", "text": "x", "fraction": True},
    ],
)
def test_decisions_that_do_not_fit(decision: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE).decide(decision)


@pytest.mark.parametrize(
    ("changes", "text", "score"),
    [
        ({}, "CHLOROPHYLL", 1),
        ({}, "chlorophyllum", 0.5),
        ({}, "a chlorophyll", 0),
        ({"wildcards": False}, "chlorophyllum", 0),
        ({"wildcards": False}, "chloroph*", 0.5),
        ({"case_sensitive": True}, "Chlorophyll", 0),
        ({"spelling": "h5p"}, "clorophyll", 1),
        ({"answers": ["photosynthesis"], "spelling": "h5p"}, "photosyntesys", 1),
        ({"answers": ["cat"], "spelling": "h5p"}, "cut", 0),
        ({"answers": ["receive"], "spelling": "h5p"}, "recieve", 1),
        ({"answers": ["receive"]}, "recieve", 0),
        ({"answers": ["stra\u00dfe"]}, "STRASSE", 1),
        ({"answers": [{"text": "a*", "fraction": 0.25}, "abc"], "wildcards": True}, "abc", 0.25),
        ({"answers": ["affect", {"text": "effect", "fraction": 0}], "spelling": "h5p"}, "effect", 0),
    ],
)
def test_what_is_accepted(changes: dict[str, object], text: str, score: float) -> None:
    mark = Classroom(TYPE, example_with(TYPE, **changes)).mark({"text": text})
    assert (mark.score, mark.correct) == (score, score == 1)


def test_without_a_key_nothing_is_judged() -> None:
    room = Classroom(TYPE, {"prompt": "What else?"})
    room.answer({"answer": "Nothing"})
    view = room.view()
    assert (view["ungraded"], view["groups"]) == (1, [{"key": "nothing", "count": 1, "fraction": None}])
    assert room.kind.mark(room.settings, room.answered[0].answer) is None
    room.decide({"action": "accept", "text": "nothing"})
    assert (room.view()["ungraded"], room.view()["correct_fraction"]) == (0, 1.0)


@pytest.mark.parametrize("text", ["", "  \t", "x" * 101, 5, None])
def test_texts_that_do_not_fit(text: object) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"text": text})
    assert refused.value.details["field"] == "data.text"


@pytest.mark.parametrize(
    "changes",
    [
        {"max_length": 0},
        {"answers": [{"text": "a", "fraction": 1.5}]},
        {"answers": [{"text": " "}]},
        {"answers": ["*a" * 11]},
        {"spelling": "magic"},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_long_lists_are_cut_and_say_so() -> None:
    room = Classroom(TYPE, {"prompt": "?", "show_to_participants": True})
    for number in range(60):
        room.answer({"text": f"answer: {number}"})
    view = room.view(REVEALED)
    assert (len(view["groups"]), view["distinct"], view["truncated"]) == (50, 60, True)
    assert view["groups"][0]["key"].startswith("answer: ")
    assert len(room.view(HOST)["groups"]) == 60


def test_rows_carry_the_score() -> None:
    room = Classroom(TYPE)
    room.answer({"text": "Chlorophyl"})
    assert room.rows() == [{"participant": "p1", "round": 1, "text": "Chlorophyl", "score": 0.5}]
