"""Texts with blanks."""

import pytest

from realtime.activities.cloze import TYPE
from realtime.activities.contract import read_settings
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
    room.answer({"blanks": {"b1": " Thylakoid", "b2": "water"}}, times=2)
    room.answer({"blanks": {"b1": "Stroma", "b2": "sugar"}})
    room.answer({"blanks": {"b1": "stroma: it", "b2": ""}})
    room.answer({"blanks": {"b1": None}})
    return room


def test_blanks_scores_and_wrong_entries() -> None:
    assert class_with_answers().view() == {
        "total_responses": 5,
        "blanks": {
            "b1": {
                "answered": 4,
                "correct": 2,
                "top_wrong": [{"text": "stroma", "count": 1}, {"text": "stroma: it", "count": 1}],
            },
            "b2": {"answered": 3, "correct": 2, "top_wrong": [{"text": "sugar", "count": 1}]},
        },
        "mean_score": 0.4,
        "score_distribution": {"0": 3, "2": 2},
    }


def test_participants_see_what_is_revealed_and_no_more() -> None:
    room = class_with_answers()
    assert room.view(COUNTS_ONLY) == {"total_responses": 5}
    assert room.view(RESULTS_WITHOUT_KEY)["blanks"] == {"b1": {"answered": 4}, "b2": {"answered": 3}}
    revealed = room.view(REVEALED)["blanks"]
    assert "top_wrong" not in revealed["b1"]
    assert revealed["b2"]["top_wrong"] == [{"text": "sugar", "count": 1}]
    shown = Classroom(TYPE, example_with(TYPE, show_to_participants=True))
    shown.answer({"blanks": {"b1": "stroma"}})
    assert shown.view(REVEALED)["blanks"]["b1"]["top_wrong"] == [{"text": "stroma", "count": 1}]


def test_the_answers_are_not_sent_to_participants() -> None:
    room = Classroom(TYPE)
    hidden = TYPE.public_settings(room.settings, COUNTS_ONLY)
    assert "thylakoid" not in str(hidden)
    assert hidden["blanks"]["b2"]["options"] == ["water", "sugar"]
    assert TYPE.public_settings(room.settings, HOST)["blanks"]["b1"]["answers"] == ["thylakoid"]


def test_three_states_of_a_blank() -> None:
    mark = Classroom(TYPE).mark({"blanks": {"b1": "tylakoid"}})
    assert (mark.correct, mark.score) == (False, 0.5)
    assert mark.detail == {"blanks": {"b1": "right", "b2": "blank"}, "marks": 1, "max_marks": 2}
    strict = Classroom(TYPE, example_with(TYPE, spelling="off")).mark({"blanks": {"b1": "tylakoid"}})
    assert strict.detail["blanks"] == {"b1": "wrong", "b2": "blank"}
    assert Classroom(TYPE).mark({"blanks": {"b1": "THYLAKOID", "b2": "water"}}).correct


def test_blanks_weigh_by_their_marks() -> None:
    blanks = {
        "b1": {"answers": ["NaCl"], "marks": 1.5, "case_sensitive": True},
        "b2": {"answers": ["salt", "table salt"], "marks": 0.5},
    }
    room = Classroom(TYPE, {"text": "{{b1}} is {{b2}}", "blanks": blanks})
    assert room.mark({"blanks": {"b1": "NaCl"}}).score == 0.75
    assert room.mark({"blanks": {"b1": "nacl", "b2": "Table  Salt"}}).score == 0.25
    room.answer({"blanks": {"b1": "NaCl"}})
    assert room.view()["score_distribution"] == {"1.5": 1}


def test_many_marks_are_counted_whole() -> None:
    blanks = {f"b{number}": {"answers": ["yes"], "marks": 0.75} for number in range(40)}
    text = " ".join(f"{{{{{name}}}}}" for name in blanks)
    room = Classroom(TYPE, {"text": text, "blanks": blanks})
    room.answer({"blanks": {"b0": "yes", "b1": "yes"}})
    assert room.view()["score_distribution"] == {"1": 1}
    assert room.view()["mean_score"] == 0.05


@pytest.mark.parametrize(
    ("blanks", "code"),
    [
        ({"b3": "x"}, "unknown_option"),
        ({"b2": "salt"}, "unknown_option"),
        ({"b1": "x" * 201}, "invalid"),
        ({"b1": 5}, "invalid"),
    ],
)
def test_entries_that_do_not_fit(blanks: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"blanks": blanks})
    assert refused.value.code == code


ONE = {"b1": {"answers": ["x"]}}


@pytest.mark.parametrize(
    "settings",
    [
        {"text": "no blank", "blanks": ONE},
        {"text": "{{b1}} {{b1}}", "blanks": ONE},
        {"text": "{{b1}} {{b2}}", "blanks": ONE},
        {"text": "{{b1}}", "blanks": {"b1": {"answers": []}}},
        {"text": "{{b1}}", "blanks": {"b1": {"answers": ["x"], "marks": 0}}},
        {"text": "{{b1}}", "blanks": {"b1": {"answers": ["x"], "marks": 0.125}}},
        {"text": "{{b1}}", "blanks": {"b1": {"answers": ["x"], "options": ["x", "y"]}}},
        {"text": "{{b1}}", "blanks": {"b1": {"kind": "choice", "answers": ["x"], "options": ["y", "z"]}}},
        {"text": "{{b1}}", "blanks": {"b1": {"kind": "choice", "answers": ["x"], "options": ["x"]}}},
        {"text": "{{b1}}", "blanks": {"b1": {"kind": "choice", "answers": ["x"], "options": ["x", "x"]}}},
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, settings)


def test_one_column_for_each_blank() -> None:
    room = Classroom(TYPE)
    room.answer({"blanks": {"b1": "stroma", "b2": "water"}})
    assert room.rows()[0] == {
        "participant": "p1",
        "round": 1,
        "blank:b1": "stroma",
        "blank:b2": "water",
        "marks": 1,
        "max_marks": 2,
    }
