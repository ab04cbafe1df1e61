"""Choices with a key."""

import pytest

from realtime.activities.contract import Sight, read_settings
from realtime.activities.quiz import TYPE
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
    room.answer({"selected": ["a"], "confidence": "high"}, elapsed_ms=1_905)
    room.answer({"selected": ["b"], "confidence": "high"}, elapsed_ms=900)
    room.answer({"selected": ["a"]}, elapsed_ms=14_020)
    room.answer({"selected": ["a", "c"], "confidence": "low"}, elapsed_ms=6_101)
    room.answer({"abstain": True})
    return room


def test_presenters_see_votes_key_and_times() -> None:
    assert class_with_answers().view() == {
        "total_responses": 4,
        "vote_counts": {"a": 3, "b": 1, "c": 1, "d": 0},
        "time": {"median_ms": 4_000, "p90_ms": 14_000},
        "correct_count": 2,
        "correct_fraction": 0.5,
        "mean_score": 0.5,
        "confidence": {
            "low": {"n": 1, "correct": 0},
            "medium": {"n": 0, "correct": 0},
            "high": {"n": 2, "correct": 1},
        },
        "fastest": [{"participant": "p1", "ms": 1_900}, {"participant": "p3", "ms": 14_000}],
    }


def test_participants_see_what_is_revealed_and_no_more() -> None:
    room = class_with_answers()
    assert room.view(COUNTS_ONLY) == {"total_responses": 4}
    assert room.view(RESULTS_WITHOUT_KEY).keys() == {"total_responses", "vote_counts", "time"}
    assert "fastest" not in room.view(REVEALED)
    hidden = TYPE.public_settings(room.settings, RESULTS_WITHOUT_KEY)
    assert not {"correct", "mapping", "explanation"} & hidden.keys()
    assert TYPE.public_settings(room.settings, HOST)["correct"] == ["a"]


def test_the_fastest_are_named_only_to_those_who_may_see_names() -> None:
    room = class_with_answers()
    nameless = Sight(host=True, counts=True, results=True, key=True, names=False)
    assert "fastest" not in room.view(nameless)
    quiet = Classroom(TYPE, example_with(TYPE, list_fastest=0))
    quiet.answer({"selected": ["a"]})
    assert quiet.items == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"selected": ["x"]}, "unknown_option"),
        ({"selected": []}, "too_few_choices"),
        ({"selected": ["a", "b", "c"]}, "too_many_choices"),
        ({"selected": ["a", "a"]}, "invalid"),
        ({"selected": ["a"], "confidence": "sure"}, "invalid"),
        ({"selected": ["a"], "extra": 1}, "invalid"),
        ({"selected": [1]}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_answers_that_do_not_fit(data: object, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer(data)
    assert refused.value.code == code


def test_confidence_only_where_it_is_asked_for() -> None:
    room = Classroom(TYPE, example_with(TYPE, ask_confidence=False))
    with pytest.raises(Refusal):
        room.answer({"selected": ["a"], "confidence": "low"})
    assert room.view()["confidence"] is None


OPTIONS = [{"id": letter, "text": letter.upper()} for letter in "abcd"]
THREE_OF_FOUR = {"question": "Which?", "options": OPTIONS, "correct": ["a", "b", "c"], "max_choices": 4}


@pytest.mark.parametrize(
    ("marking", "selected", "score", "correct"),
    [
        ("exact", ["c", "b", "a"], 1, True),
        ("partial", ["a", "b"], 0.5, False),
        ("kprim", ["a", "b"], 0.5, False),
        ("kprim", ["d"], 0, False),
        ("per_option", ["a", "b"], 0.75, False),
        ("per_option", ["a", "b", "c"], 1, True),
    ],
)
def test_markings(marking: str, selected: list[str], score: float, correct: bool) -> None:
    mark = Classroom(TYPE, THREE_OF_FOUR | {"marking": marking}).mark({"selected": selected})
    assert (mark.score, mark.correct) == (score, correct)


def test_statements_may_all_be_false() -> None:
    room = Classroom(TYPE, {"question": "True?", "options": OPTIONS, "correct": [], "marking": "kprim"})
    assert room.mark({"selected": []}).correct
    assert room.mark({"selected": ["a"]}).score == 0.5


def test_mapping_marks_by_what_choices_are_worth() -> None:
    mapping = {"mapped-values": {"a": 1, "b": 1, "d": -1}, "lower-bound": 0, "upper-bound": 2}
    room = Classroom(TYPE, THREE_OF_FOUR | {"marking": "mapping", "mapping": mapping})
    assert room.mark({"selected": ["a", "b"]}).correct
    assert room.mark({"selected": ["a", "d"]}).score == 0
    half = room.mark({"selected": ["a", "c"]})
    assert (half.score, half.detail) == (0.5, {"points": 1.0})
    bottomless = THREE_OF_FOUR | {
        "marking": "mapping",
        "mapping": {"mapped_values": {"a": 1, "d": -1}, "lower_bound": None},
    }
    loss = Classroom(TYPE, bottomless).mark({"selected": ["d"]})
    assert (loss.score, loss.detail) == (0, {"points": -1.0})


def test_true_or_false_in_short() -> None:
    room = Classroom(TYPE, {"question": "The sun is a star.", "correct": True})
    assert room.mark({"selected": True}).correct
    assert not room.mark({"answer": "False"}).correct


def test_older_shapes() -> None:
    room = Classroom(TYPE, {"prompt": "Which?", "options": ["Red", "Green"], "correct_answer": "Green"})
    assert room.settings.correct == ["b"]
    assert room.answer({"selected_options": ["Green"]}).selected == ["b"]


@pytest.mark.parametrize(
    "changes",
    [
        {"correct": ["x"]},
        {"correct": []},
        {"correct": ["a", "b", "c"]},
        {"correct": ["a", "a"]},
        {"min_choices": 0},
        {"max_choices": 5},
        {"marking": "mapping"},
        {"mapping": {"mapped_values": {"a": 1}}},
        {"marking": "mapping", "mapping": {"mapped_values": {"a": -1}}},
        {"marking": "mapping", "mapping": {"mapped_values": {"x": 1}}},
        {"options": [{"id": "a", "text": "A"}, {"id": "a", "text": "B"}]},
        {"options": [{"id": "a", "text": " "}, {"id": "b", "text": "B"}]},
        {"options": [{"id": "a", "text": "A" * 201}, {"id": "b", "text": "B"}]},
        {"question": " \n "},
        {"question": "q" * 501},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


def test_rows_carry_the_judgement() -> None:
    rows = class_with_answers().rows()
    assert rows[0] == {
        "participant": "p1",
        "round": 1,
        "selected": ["a"],
        "confidence": "high",
        "correct": True,
        "score": 1.0,
    }
    assert rows[-1] == {"participant": "p5", "round": 1, "abstained": True}
