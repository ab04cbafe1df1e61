"""Words that grow together."""

from typing import Any

import pytest

from realtime.activities.contract import Json
from realtime.activities.word_cloud import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, Classroom, example_with


def cloud(**changes: Json) -> Classroom:
    return Classroom(TYPE, example_with(TYPE, **({"moderate_submissions": False} | changes)))


def counts(room: Classroom, sight: Any = HOST) -> dict[str, int]:
    return {word["word"]: word["count"] for word in room.view(sight)["words"]}


def test_equal_words_count_as_one_and_show_the_commonest_spelling() -> None:
    room = cloud()
    room.answer({"words": ["Chlorophyll", "light energy"]}, times=3)
    room.answer({"words": ["CHLOROPHYLL!"]})
    room.answer({"words": ["Light-Energy"]})
    view = room.view(COUNTS_ONLY)
    assert counts(room) == {"Chlorophyll": 4, "light energy": 4}
    assert view["words"][0] == {
        "key": "chlorophyll",
        "word": "Chlorophyll",
        "count": 4,
        "frequency": 4,
        "percentage": 80.0,
        "size": 100,
    }
    assert (view["distinct"], view["total_words"], view["truncated"]) == (2, 8, False)


def test_sizes_grow_with_the_count() -> None:
    room = cloud()
    room.answer({"words": ["a"]}, times=5)
    room.answer({"words": ["b"]}, times=3)
    room.answer({"words": ["c"]})
    assert [word["size"] for word in room.view()["words"]] == [100, 55, 10]


def test_a_word_counts_once_per_person() -> None:
    room = cloud()
    assert room.answer({"words": ["Sun", "sun!", "moon"]}).words == ["Sun", "moon"]


def test_older_clients_send_one_word() -> None:
    assert cloud().answer({"word": " Sun \n"}).words == ["Sun"]


def test_case_counts_where_asked() -> None:
    room = cloud(case_sensitive=True)
    room.answer({"words": ["Sun", "sun"]})
    assert counts(room) == {"Sun": 1, "sun": 1}
    exact = cloud(merge="exact")
    exact.answer({"words": ["Sun", "sun!"]})
    assert counts(exact) == {"Sun": 1, "sun!": 1}


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({}, ["x" * 21], "invalid"),
        ({}, [" "], "invalid"),
        ({}, ["a", "b", "c", "d"], "too_many_choices"),
        ({"allow_phrases": False}, ["two words"], "invalid"),
        ({}, ["Sh1t"], "refused_words"),
        ({"languages": ["german"]}, ["Arschloch"], "refused_words"),
        ({"banned_words": ["Müller"]}, ["MULLER"], "refused_words"),
    ],
)
def test_refuses(changes: dict[str, Json], words: list[str], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        cloud(**changes).answer({"words": words})
    assert caught.value.code == code
    assert caught.value.details["field"].startswith("data.words")


def test_the_filter_can_be_off() -> None:
    assert cloud(profanity="off").answer({"words": ["shit"]}).words == ["shit"]


def test_moderated_words_wait_for_the_presenter() -> None:
    room = cloud(moderate_submissions=True)
    room.answer({"words": ["Sun", "Moon"]})
    assert counts(room, COUNTS_ONLY) == {}
    assert "Sun" not in str(room.view(COUNTS_ONLY))
    assert room.view()["pending"] == [
        {"id": "moon", "word": "Moon", "count": 1},
        {"id": "sun", "word": "Sun", "count": 1},
    ]
    room.decide({"action": "approve", "item_id": "sun"})
    assert counts(room, COUNTS_ONLY) == {"Sun": 1}
    room.decide({"action": "approve_all"})
    room.decide({"action": "hide", "item_id": "sun"})
    assert counts(room, COUNTS_ONLY) == {"Moon": 1}
    assert room.view()["hidden"] == [{"id": "sun", "word": "Sun", "count": 1}]


def test_words_can_be_merged_and_parted() -> None:
    room = cloud()
    room.answer({"words": ["Sun"]}, times=2)
    room.answer({"words": ["Sunshine"]})
    room.decide({"action": "merge", "item_id": "sunshine", "into": "sun"})
    assert counts(room) == {"Sun": 3}
    room.decide({"action": "part", "item_id": "sunshine"})
    assert counts(room) == {"Sun": 2, "Sunshine": 1}
    with pytest.raises(Refusal):
        room.decide({"action": "merge", "item_id": "sun", "into": "sun"})
    with pytest.raises(Refusal):
        room.decide({"action": "approve", "item_id": "nobody"})


def test_participants_get_the_top_fifty() -> None:
    room = cloud()
    for number in range(60):
        room.answer({"words": [f"w{number}"]})
    assert (len(room.view(COUNTS_ONLY)["words"]), room.view(COUNTS_ONLY)["truncated"]) == (50, True)
    assert (len(room.view()["words"]), room.view()["truncated"]) == (60, False)
