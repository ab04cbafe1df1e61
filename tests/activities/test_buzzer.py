"""Who pressed first."""

import pytest

from realtime.activities.buzzer import TYPE, Answer
from realtime.activities.contract import Item, Json, Sight
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, Classroom, example_with

NAMED = Sight(host=False, counts=True, results=True, key=False, names=True)


def podium(*presses: tuple[str, int], **changes: Json) -> Classroom:
    """Who pressed when (ms)."""
    room = Classroom(TYPE, example_with(TYPE, **changes))
    for person, at_ms in presses:
        item_id = f"r{len(room.items) + 1}"
        room.items[item_id] = Item(item_id, person, {"press": True}, 1_000 + at_ms)
    return room


def queue(room: Classroom) -> list[str]:
    return [entry["participant"] for entry in room.view()["queue"]]


def test_first_come_first_heard() -> None:
    room = podium(("p2", 812), ("p1", 900), ("p3", 811))
    assert queue(room) == ["p3", "p2", "p1"]
    assert room.view(COUNTS_ONLY) == {
        "queue": [
            {"position": 1, "behind_ms": 0},
            {"position": 2, "behind_ms": 1},
            {"position": 3, "behind_ms": 89},
        ],
        "open": False,
        "presses": 3,
    }
    assert room.view(NAMED)["queue"][0]["participant"] == "p3"


def test_presses_at_the_same_moment_keep_the_order_of_their_ids() -> None:
    assert queue(podium(("p2", 5), ("p1", 5))) == ["p2", "p1"]


def test_wrong_answers_open_the_buzzer_for_the_others() -> None:
    room = podium(("p1", 1), ("p2", 2))
    assert room.view()["open"] is False
    room.decide({"action": "wrong", "item_id": "r1"})
    assert (queue(room), room.view()["open"]) == ([], True)
    for person, at_ms in (("p1", 10), ("p3", 11), ("p2", 12)):
        room.items[f"s{person}"] = Item(f"s{person}", person, {"press": True}, 1_000 + at_ms)
    assert queue(room) == ["p3", "p2"]
    room.decide({"action": "right", "item_id": "sp3"})
    assert (room.view()["queue"][0]["status"], room.view()["open"]) == ("right", False)
    room.decide({"action": "reset"})
    assert queue(room) == []


def test_without_reset_the_next_in_the_queue_answers() -> None:
    room = podium(("p1", 1), ("p2", 2), reset_on_wrong=False)
    room.decide({"action": "wrong", "item_id": "r1"})
    assert [entry.get("status") for entry in room.view()["queue"]] == ["wrong", None]
    assert TYPE.entry(room.settings, Answer(), "s1") == ""
    assert TYPE.entry_limit(room.settings, "p") == 1


def test_mashing_the_button_does_not_help() -> None:
    room = podium(("p1", 1), ("p1", 2), ("p2", 3), lockout_ms=500)
    assert queue(room) == ["p1", "p2"]
    room.decide({"action": "reset"})
    room.items["late"] = Item("late", "p1", {"press": True}, 1_000 + 400)
    assert queue(room) == []
    room.items["later"] = Item("later", "p1", {"press": True}, 1_000 + 901)
    assert queue(room) == ["p1"]


def test_several_winners() -> None:
    room = podium(("p1", 1), max_winners=2)
    assert room.view(HOST)["open"] is True


@pytest.mark.parametrize(
    "decision", [{"action": "wrong", "item_id": "nobody"}, {"action": "wrong"}, {"action": "win"}]
)
def test_refuses_decisions(decision: Json) -> None:
    with pytest.raises(Refusal):
        podium(("p1", 1)).decide(decision)


def test_refuses_what_is_no_press() -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE).answer({"press": False})
    assert TYPE.entry(Classroom(TYPE).settings, Answer(), "s1") == "p:s1"
