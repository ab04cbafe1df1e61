"""Questions, votes and moderation."""

import pytest

from realtime.activities.contract import Json, Sight, read_answer
from realtime.activities.qna import TYPE, Answer, controversy, wilson
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, Classroom, example_with

NAMED = Sight(host=False, counts=True, results=True, key=False, names=True)


def hall(**changes: Json) -> Classroom:
    return Classroom(TYPE, example_with(TYPE, **({"moderate_questions": False} | changes)))


def ask(room: Classroom, text: str, *, anonymous: bool = False) -> str:
    room.answer({"action": "question", "text": text, "anonymous": anonymous})
    return f"r{len(room.answered)}"


def texts(room: Classroom, sight: Sight = COUNTS_ONLY) -> list[str]:
    return [item["text"] for item in room.view(sight)["items"]]


@pytest.mark.parametrize(
    ("up", "votes", "expected"), [(10, 10, 0.722), (100, 120, 0.757), (1, 1, 0.207), (0, 0, 0.0)]
)
def test_wilson(up: int, votes: int, expected: float) -> None:
    assert round(wilson(up, votes), 3) == expected


@pytest.mark.parametrize(
    ("up", "down", "people", "expected"), [(10, 10, 50, 0.8), (1, 1, 200, 0.091), (5, 0, 10, 0.0)]
)
def test_controversy(up: int, down: int, people: int, expected: float) -> None:
    assert round(controversy(up, down, people), 3) == expected


def test_questions_wait_for_the_presenter() -> None:
    room = hall(moderate_questions=True)
    first = ask(room, "Why is it called\n\n dark reaction?  ")
    assert texts(room) == []
    assert "dark" not in str(room.view(COUNTS_ONLY))
    assert room.view()["by_status"]["pending"] == 1
    room.decide({"action": "approve", "item_id": first})
    assert texts(room) == ["Why is it called\n\ndark reaction?"]
    room.decide({"action": "reject", "item_id": first})
    assert texts(room) == []
    assert texts(room, HOST) == ["Why is it called\n\ndark reaction?"]
    assert "pending" not in room.view(COUNTS_ONLY)["by_status"]


def test_votes_order_the_questions() -> None:
    room = hall(allow_downvotes=True)
    first, second = ask(room, "First?"), ask(room, "Second?")
    room.answer({"action": "vote", "item_id": second, "value": 1}, times=3)
    room.answer({"action": "vote", "item_id": second, "value": -1})
    room.answer({"action": "vote", "item_id": first, "value": 0})
    room.answer({"action": "vote", "item_id": "unheard-of", "value": 1})
    assert texts(room) == ["Second?", "First?"]
    shown = room.view(COUNTS_ONLY)["items"][0]
    assert (shown["score"], shown["up"], shown["down"]) == (2, 3, 1)
    assert "wilson" not in shown
    assert room.view()["items"][0]["controversy"] == 0.4
    room.decide({"action": "pin", "item_id": first})
    assert texts(room) == ["First?", "Second?"]


def test_vote_counts_can_be_hidden() -> None:
    room = hall(show_vote_counts=False)
    first = ask(room, "First?")
    room.answer({"action": "vote", "item_id": first, "value": 1})
    assert "score" not in room.view(COUNTS_ONLY)["items"][0]
    assert room.view()["items"][0]["score"] == 1


def test_anonymous_questions_name_nobody_to_anybody() -> None:
    room = hall()
    ask(room, "Who?", anonymous=True)
    ask(room, "What?")
    assert [item.get("author", "absent") for item in room.view(COUNTS_ONLY)["items"]] == ["absent", "absent"]
    for sight in (HOST, NAMED):
        by_text = {item["text"]: item.get("participant") for item in room.view(sight)["items"]}
        assert by_text == {"Who?": None, "What?": "p2"}


def test_questions_are_answered_merged_and_deleted() -> None:
    room = hall()
    first, second, third = ask(room, "First?"), ask(room, "Again first?"), ask(room, "Third?")
    for item in (first, second):
        room.answer({"action": "vote", "item_id": item, "value": 1})
    room.decide({"action": "answer", "item_id": first, "text": "Because."})
    room.decide({"action": "merge", "item_id": second, "into": first})
    room.decide({"action": "delete", "item_id": third})
    shown = room.view(COUNTS_ONLY)["items"]
    assert [(item["text"], item["score"], item["answered"], item["answer"]) for item in shown] == [
        ("First?", 2, True, "Because.")
    ]
    with pytest.raises(Refusal, match="illegal_move"):
        room.decide({"action": "merge", "item_id": first, "into": second})
    with pytest.raises(Refusal, match="illegal_move"):
        room.decide({"action": "restore", "item_id": third})
    room.decide({"action": "part", "item_id": second})
    room.decide({"action": "unanswer", "item_id": first})
    assert room.view()["items"][-1].get("answered") is False
    assert len(texts(room)) == 2


@pytest.mark.parametrize(
    ("changes", "answer", "field"),
    [
        ({}, {"action": "question", "text": " "}, "data.text"),
        ({"max_question_length": 10}, {"action": "question", "text": "x" * 11}, "data.text"),
        (
            {"allow_anonymous": False},
            {"action": "question", "text": "x", "anonymous": True},
            "data.anonymous",
        ),
        ({}, {"action": "vote", "item_id": "q1", "value": -1}, "data.value"),
        ({}, {"action": "vote", "item_id": "q1", "value": 2}, "data.value"),
        ({}, {"action": "vote", "item_id": "q1"}, "data.value"),
        ({}, {"action": "vote", "value": 1}, "data.item_id"),
        ({}, {"action": "vote", "item_id": "q:1", "value": 1}, "data.item_id"),
        ({"enable_voting": False}, {"action": "vote", "item_id": "q1", "value": 1}, "data.action"),
    ],
)
def test_refuses(changes: dict[str, Json], answer: Json, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        hall(**changes).answer(answer)
    assert caught.value.details["field"] == field


def test_entries_keep_questions_apart_and_votes_together() -> None:
    room = hall(votes_per_participant=5)
    question = Answer(action="question", text="x")
    assert TYPE.entry(room.settings, question, "s1") == "q:s1"
    assert TYPE.entry(room.settings, question.model_copy(update={"edits": "s0"}), "s1") == "q:s0"
    vote = Answer(action="vote", item_id="r1", value=1)
    assert TYPE.entry(room.settings, vote, "s1") == "v:r1"
    assert (TYPE.entry_limit(room.settings, "q"), TYPE.entry_limit(room.settings, "v")) == (3, 5)
    single = hall(allow_multiple_votes=False)
    assert (TYPE.entry(single.settings, vote, "s1"), TYPE.entry_limit(single.settings, "v")) == ("v", 1)


def test_votes_go_to_questions_of_others_that_can_be_seen() -> None:
    room = hall(moderate_questions=True)
    first = ask(room, "First?")
    vote = Answer(action="vote", item_id=first, value=1)
    with pytest.raises(Refusal, match="unknown_response"):
        TYPE.admit(room.live(), "p2", vote)
    room.decide({"action": "approve", "item_id": first})
    TYPE.admit(room.live(), "p2", vote)
    with pytest.raises(Refusal, match="forbidden"):
        TYPE.admit(room.live(), "p1", vote)
    TYPE.admit(room.live(), "p1", vote.model_copy(update={"value": 0}))
    TYPE.admit(room.live(), "p1", Answer(action="question", text="x"))


def test_older_clients_are_understood() -> None:
    room = hall(allow_downvotes=True)
    legacy = {"type": "vote", "question_id": "r1", "vote_type": "down"}
    assert read_answer(TYPE, room.settings, legacy) == Answer(action="vote", item_id="r1", value=-1)
    edit = {"action": "edit", "edits": "s0", "text": "x"}
    assert read_answer(TYPE, room.settings, edit) == Answer(action="question", text="x", edits="s0")
