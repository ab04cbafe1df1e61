"""Ideas and dots."""

import pytest

from realtime.activities.brainstorm import TYPE, Answer
from realtime.activities.contract import Json, read_answer
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, Classroom, example_with


def board(**changes: Json) -> Classroom:
    room = Classroom(TYPE, example_with(TYPE, **changes))
    room.answer({"action": "idea", "text": " Turn off  beamers", "column": "Ideas"}, elapsed_ms=1)
    room.answer({"action": "idea", "text": "Share cars"}, elapsed_ms=2)
    return room


def dots(room: Classroom) -> dict[str, int]:
    return {idea["text"]: idea["votes"] for idea in room.view(COUNTS_ONLY)["ideas"]}


def test_dots_order_the_ideas() -> None:
    room = board()
    room.answer({"action": "votes", "votes": {"r2": 1}}, times=2)
    room.answer({"action": "votes", "votes": {"r1": 1, "r2": 1, "unheard-of": 1}})
    view = room.view(COUNTS_ONLY)
    assert dots(room) == {"Share cars": 3, "Turn off beamers": 1}
    assert [idea["text"] for idea in view["ideas"]] == ["Share cars", "Turn off beamers"]
    assert (view["votes_cast"], view["phase"], view["total"]) == (4, "collect", 2)


def test_dots_can_be_hidden_until_the_end() -> None:
    room = board(hide_votes_until_done=True)
    room.answer({"action": "votes", "votes": {"r2": 1}})
    assert all("votes" not in idea for idea in room.view(COUNTS_ONLY)["ideas"])
    assert room.view()["ideas"][0]["votes"] == 1
    room.decide({"action": "phase", "phase": "done"})
    assert dots(room) == {"Share cars": 1, "Turn off beamers": 0}


def test_phases_take_what_belongs_to_them() -> None:
    room = board()
    idea, votes = Answer(action="idea", text="x"), Answer(action="votes", votes={})
    TYPE.admit(room.live(), "p1", idea)
    with pytest.raises(Refusal, match="illegal_move"):
        TYPE.admit(room.live(), "p1", votes)
    room.decide({"action": "phase", "phase": "vote"})
    assert room.view(COUNTS_ONLY)["phase"] == "vote"
    TYPE.admit(room.live(), "p1", votes)
    with pytest.raises(Refusal, match="illegal_move"):
        TYPE.admit(room.live(), "p1", idea)
    with pytest.raises(Refusal):
        room.decide({"action": "phase", "phase": "lunch"})


def test_the_presenter_groups_moves_and_moderates() -> None:
    room = Classroom(TYPE, example_with(TYPE, columns=["Now", "Later"], moderate=True))
    room.answer({"action": "idea", "text": "Share cars", "column": "Later"})
    assert room.view(COUNTS_ONLY)["ideas"] == []
    room.decide({"action": "approve", "item_id": "r1"})
    room.decide({"action": "group", "item_id": "r1", "group": "Travel"})
    room.decide({"action": "move", "item_id": "r1", "column": "Now"})
    idea = room.view(COUNTS_ONLY)["ideas"][0]
    assert (idea["group"], idea["column"], idea["status"]) == ("Travel", "Now", "active")
    room.decide({"action": "group", "item_id": "r1", "group": None})
    assert room.view(COUNTS_ONLY)["ideas"][0]["group"] is None
    with pytest.raises(Refusal, match="unknown_option"):
        room.decide({"action": "move", "item_id": "r1", "column": "Never"})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"action": "idea", "text": ""}, "invalid"),
        ({"action": "idea", "text": "x" * 201}, "invalid"),
        ({"action": "idea", "text": "x", "column": "Other"}, "unknown_option"),
        ({"action": "votes", "votes": {"r1": 2}}, "too_many_choices"),
        ({"action": "votes", "votes": {"r1": 1, "r2": 1, "r3": 1, "r4": 1}}, "too_many_choices"),
        ({"action": "votes", "votes": {"r1": -1}}, "invalid"),
        ({"action": "votes", "votes": {"r 1": 1}}, "invalid"),
    ],
)
def test_refuses(answer: Json, code: str) -> None:
    room = Classroom(TYPE)
    with pytest.raises(Refusal) as caught:
        room.answer(answer)
    assert caught.value.code == code


def test_dots_replace_dots_and_ideas_stand_beside_each_other() -> None:
    room = board()
    votes = read_answer(TYPE, room.settings, {"action": "votes", "votes": {"r1": 1, "r2": 0}})
    assert votes == Answer(action="votes", votes={"r1": 1})
    assert TYPE.entry(room.settings, Answer(action="votes", votes={}), "s1") == "v"
    assert TYPE.entry(room.settings, Answer(action="idea", text="x"), "s1") == "i:s1"
    edit = read_answer(TYPE, room.settings, {"action": "edit", "text": "x", "edits": "s0"})
    assert isinstance(edit, Answer)
    assert TYPE.entry(room.settings, edit, "s1") == "i:s0"
    assert (TYPE.entry_limit(room.settings, "i"), TYPE.entry_limit(room.settings, "v")) == (5, 1)
