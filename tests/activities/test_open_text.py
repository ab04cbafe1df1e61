"""Free texts."""

import pytest

from realtime.activities.contract import Json, Sight
from realtime.activities.open_text import LATEST, TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, Classroom, example_with

NAMED = Sight(host=False, counts=True, results=True, key=False, names=True)


def room_with(**changes: Json) -> Classroom:
    room = Classroom(TYPE, example_with(TYPE, **changes))
    room.answer({"entries": ["The role of NADPH"]}, elapsed_ms=1)
    room.answer({"text": "the  role of NADPH."}, elapsed_ms=2)
    room.answer({"entries": ["Why plants are green\n and not black"]}, elapsed_ms=3)
    return room


def test_equal_texts_are_grouped() -> None:
    view = room_with().view()
    assert view["total"] == 3
    assert view["groups"] == [{"key": "theroleofnadph", "text": "The role of NADPH", "count": 2}]
    assert view["word_count_median"] == 4
    assert view["entries"][0]["text"] == "Why plants are green\nand not black"
    assert view["entries"][-1] == {
        "id": "r1", "item_id": "r1", "author": None, "participant": "p1", "text": "The role of NADPH",
        "status": "active", "at": "1970-01-01T00:16:40.001Z",
    }  # fmt: skip


def test_participants_see_texts_only_where_the_presenter_shows_them() -> None:
    assert room_with().view(NAMED) == {"entries": [], "total": 3}
    shown = room_with(show_to_participants=True).view(COUNTS_ONLY)
    assert len(shown["entries"]) == 3
    assert "participant" not in shown["entries"][0]
    assert "word_count_median" not in shown


def test_moderated_texts_wait() -> None:
    room = room_with(show_to_participants=True, moderate=True)
    assert room.view(COUNTS_ONLY)["entries"] == []
    assert room.view(COUNTS_ONLY)["groups"] == []
    room.decide({"action": "approve", "item_id": "r3"})
    assert [entry["id"] for entry in room.view(COUNTS_ONLY)["entries"]] == ["r3"]
    room.decide({"action": "hide", "item_id": "r3"})
    assert room.view(COUNTS_ONLY)["entries"] == []
    assert len(room.view()["entries"]) == 3
    room.decide({"action": "delete", "item_id": "r3"})
    assert len(room.view()["entries"]) == 2
    with pytest.raises(Refusal, match="unknown_response"):
        room.decide({"action": "approve", "item_id": "r9"})


def test_several_texts_in_one_answer() -> None:
    room = Classroom(TYPE, example_with(TYPE, max_entries=3, multiline=False))
    room.answer({"entries": ["one\ntwo", "three"]})
    assert sorted(entry["id"] for entry in room.view()["entries"]) == ["r1.0", "r1.1"]
    assert {row["text"] for row in room.rows()} == {"one two", "three"}
    with pytest.raises(Refusal):
        room.answer({"entries": ["same", "same"]})


def test_bad_words_are_struck_out_or_refused() -> None:
    assert room_with().answer({"entries": ["oh shit"]}).entries == ["oh ****"]
    assert room_with(profanity="off").answer({"entries": ["oh shit"]}).entries == ["oh shit"]
    with pytest.raises(Refusal, match="refused_words"):
        room_with(profanity="block").answer({"entries": ["oh shit"]})


@pytest.mark.parametrize(
    ("changes", "entries", "code"),
    [
        ({"min_length": 5}, ["four"], "invalid"),
        ({"max_length": 50}, ["x" * 51], "invalid"),
        ({}, ["\u200e \u202e"], "invalid"),
        ({}, ["one", "two"], "too_many_choices"),
        ({}, [], "invalid"),
    ],
)
def test_refuses(changes: dict[str, Json], entries: list[str], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        Classroom(TYPE, example_with(TYPE, **changes)).answer({"entries": entries})
    assert caught.value.code == code


def test_settings_must_fit() -> None:
    for changes in ({"min_length": 9, "max_length": 8}, {"max_entries": 20, "max_length": 5_000}):
        with pytest.raises(Refusal):
            Classroom(TYPE, example_with(TYPE, **changes))


def test_views_are_bounded() -> None:
    room = Classroom(TYPE)
    for number in range(LATEST + 20):
        room.answer({"entries": [f"text {number}"]}, elapsed_ms=number)
    entries = room.view(HOST)["entries"]
    assert len(entries) == LATEST
    assert entries[0]["text"] == f"text {LATEST + 19}"
    assert room.view()["total"] == LATEST + 20
