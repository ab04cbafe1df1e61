"""Questions of other types in a row."""

import json
from typing import Any

import pytest

from realtime.activities.contract import Json
from realtime.activities.survey import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, REVEALED, Classroom, example_with

QUIZ: Json = {
    "question": "Where?",
    "options": [{"id": "a", "text": "Stroma"}, {"id": "b", "text": "Matrix"}],
    "correct": ["a"],
    "explanation": "PLANTED",
}
MIXED: Json = {
    "items": [
        {"id": "q1", "type": "true_false", "settings": QUIZ},
        {"id": "q2", "type": "wordcloud", "settings": {"prompt": "A word", "moderate_submissions": False}},
        {"id": "q3", "type": "open_text", "required": True, "settings": {"prompt": "Why?"}},
    ],
    "show_if": {"q3": {"item": "q1", "op": "ne", "value": "a"}},
}


def mixed() -> Classroom:
    return Classroom(TYPE, MIXED)


def test_questions_are_counted_each_as_its_type_does() -> None:
    room = mixed()
    room.answer({"answers": {"q1": {"selected": ["a"]}, "q2": {"words": ["Sun"]}}, "final": True}, times=2)
    room.answer(
        {"answers": {"q1": {"selected": ["b"]}, "q2": {"abstain": True}, "q3": {"text": "Hm"}}, "final": True}
    )
    room.answer({"answers": {"q2": {"word": "sun"}}})
    view = room.view()
    assert (view["started"], view["finished"]) == (4, 3)
    assert view["items"]["q1"]["n"] == 3
    assert view["items"]["q1"]["vote_counts"] == {"a": 2, "b": 1}
    assert (view["items"]["q2"]["words"][0]["count"], view["items"]["q2"]["n"]) == (3, 4)
    assert TYPE.view(room.live(), HOST)["item:q3/r3"]["text"] == "Hm"


def test_questions_hide_what_their_types_hide() -> None:
    room = mixed()
    room.answer({"answers": {"q1": {"selected": ["b"]}, "q3": {"text": "SECRET"}}})
    for sight in (COUNTS_ONLY, REVEALED):
        assert "SECRET" not in json.dumps(TYPE.view(room.live(), sight))
    public = TYPE.public_settings(room.settings, COUNTS_ONLY)
    assert "correct" not in public["items"][0]["settings"]
    assert "PLANTED" not in json.dumps(public)
    assert TYPE.public_settings(room.settings, HOST)["items"][0]["settings"]["correct"] == ["a"]


def test_rules_show_and_hide_questions() -> None:
    room = mixed()
    kept = room.answer({"answers": {"q1": {"selected": ["a"]}, "q3": {"text": "ignored"}}, "final": True})
    assert kept.answers.keys() == {"q1"}
    with pytest.raises(Refusal) as caught:
        room.answer({"answers": {"q1": {"selected": ["b"]}}, "final": True})
    assert caught.value.details["field"] == "data.answers.q3"
    room.answer({"answers": {"q1": {"selected": ["b"]}}, "final": False})


@pytest.mark.parametrize(
    ("op", "value", "shown"),
    [
        ("lte", 4, True),
        ("lt", 4, False),
        ("gte", 5, False),
        ("gt", 3, True),
        ("eq", 4, True),
        ("ne", 4, False),
        ("contains", "x", False),
        ("answered", None, True),
        ("not_answered", None, False),
        ("lt", "z", False),
    ],
)
def test_rules_compare(op: str, value: Json, shown: bool) -> None:
    rating = {"prompt": "Overall", "min": 1, "max": 5, "step": 1, "items": [{"id": "i1", "text": "Lecture"}]}
    text = {"id": "q2", "type": "open_text", "settings": {"prompt": "Why?"}}
    items = [{"id": "q1", "type": "rating", "settings": rating}, text]
    room = Classroom(TYPE, {"items": items, "show_if": {"q2": {"item": "q1", "op": op, "value": value}}})
    answer = room.answer({"answers": {"q1": {"ratings": {"i1": 4}}, "q2": {"text": "because"}}})
    assert ("q2" in answer.answers) is shown


def test_the_contracts_own_example() -> None:
    rating = {"prompt": "Overall", "min": 1, "max": 5, "step": 1, "items": [{"id": "i1", "text": "Lecture"}]}
    room = Classroom(
        TYPE,
        {
            "items": [{"id": "q1", "type": "rating", "required": True, "settings": rating}],
            "show_if": {"q2": {"item": "q1", "op": "lte", "value": 2}},
            "one_page": False,
        },
    )
    room.answer({"answers": {"q1": {"ratings": {"i1": 4}}}, "final": True})
    view = room.view()
    assert (view["started"], view["finished"], view["items"]["q1"]["n"]) == (1, 1, 1)


def test_marks_are_the_mean_of_what_has_a_key() -> None:
    room = mixed()
    right = room.mark({"answers": {"q1": {"selected": ["a"]}, "q2": {"words": ["Sun"]}}})
    assert (right.correct, right.score, right.detail) == (
        True,
        1.0,
        {"items": {"q1": {"correct": True, "score": 1.0}}},
    )
    assert room.mark({"answers": {}}).score == 0.0
    plain = Classroom(TYPE)
    assert TYPE.mark(plain.settings, plain.answer({"answers": {"q1": {"selected": ["good"]}}})) is None


def test_decisions_reach_the_question_they_name() -> None:
    room = mixed()
    room.answer({"answers": {"q2": {"words": ["Sun"]}}})
    room.decide({"question": "q2", "action": "hide", "item_id": "sun"})
    assert room.decisions == {"q2/word:sun": "hidden"}
    assert room.view(COUNTS_ONLY)["items"]["q2"]["words"] == []


@pytest.mark.parametrize(
    ("answers", "field", "code"),
    [
        ({"q1": {"selected": ["z"]}}, "data.answers.q1.selected.0", "unknown_option"),
        ({"q2": {"words": ["shit"]}}, "data.answers.q2.words.0", "refused_words"),
        ({"q9": {}}, "data.answers.q9", "unknown_option"),
        ({"q1": 5}, "data.answers.q1", "invalid"),
    ],
)
def test_refusals_name_the_question(answers: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        mixed().answer({"answers": answers})
    assert (caught.value.details["field"], caught.value.code) == (field, code)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"items": []}, "settings.items"),
        ({"items": [{"id": "q1", "type": "qna", "settings": {}}]}, "settings.items.0.type"),
        ({"items": [{"id": "q1", "type": "unheard_of", "settings": {}}]}, "settings.items.0.type"),
        (
            {"items": [{"id": "q1", "type": "poll", "settings": {"question": "x", "options": []}}]},
            "settings.items.0.settings.options",
        ),
        ({"items": [MIXED["items"][1], MIXED["items"][1]]}, "settings"),
        ({"show_if": {"q1": {"item": "q2", "op": "eq", "value": 1}}}, "settings"),
    ],
)
def test_settings_must_fit(changes: dict[str, Json], field: str) -> None:
    with pytest.raises(Refusal) as caught:
        Classroom(TYPE, example_with(TYPE, **changes))
    assert caught.value.details["field"] == field


def test_settings_of_questions_are_stored_in_their_present_shape() -> None:
    legacy = {"items": [{"id": "q1", "type": "poll", "settings": {"question": "x", "options": ["A", "B"]}}]}
    document = Classroom(TYPE, legacy).settings.model_dump(mode="json")
    assert document["items"][0]["settings"]["options"][0] == {"id": "a", "text": "A"}


def test_exports_have_a_column_for_each_field() -> None:
    room = mixed()
    room.answer({"answers": {"q2": {"words": ["Sun"]}}, "final": False})
    assert room.rows() == [{"participant": "p1", "round": 1, "q2.words": ["Sun"], "final": False}]
