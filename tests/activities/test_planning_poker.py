"""Estimates in secret, then all at once."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.activities.contract import Json, Sight, read_answer, read_settings
from realtime.activities.planning_poker import TYPE, Answer, Settings, number_of
from realtime.core.errors import Refusal
from tests.activities.classroom import HOST, REVEALED, Classroom, example_with

NAMED = Sight(host=False, counts=True, results=True, key=True, names=True)


def table(*cards: Json, **changes: Json) -> Classroom:
    room = Classroom(TYPE, example_with(TYPE, **changes))
    for card in cards:
        room.answer({"estimate": card})
    return room


def turned(room: Classroom, sight: Sight = HOST) -> dict[str, Any]:
    view: Mapping[str, Any] = TYPE.view(replace(room.live(), revealed=True), sight)[""]
    return dict(view)


def test_vectors() -> None:
    view = turned(table("3", "5", "8", "?", "coffee"))
    assert view["numeric"] == {"mean": 5.33, "median": 5, "min": 3, "max": 8, "n": 3}
    assert (view["suggested"], view["consensus"]) == ("8", False)
    agreed = turned(table("5", "5"))
    assert (agreed["consensus"], agreed["suggested"]) == (True, "5")
    unsure = turned(table("?"))
    assert "numeric" not in unsure
    assert "suggested" not in unsure
    assert unsure["consensus"] is False


def test_the_revealed_table_is_complete() -> None:
    room = table("5", "3", 5, 5.0, "?", "8")
    room.answer({"estimate": 5, "confidence": "high", "notes": " Easy\n enough "})
    view = turned(room)
    assert view["distribution"] == {"3": 1, "5": 4, "8": 1, "?": 1}
    assert view["confidence"] == {"high": 1}
    assert view["votes"][0] == {"participant": "p2", "estimate": "3"}
    assert {"participant": "p7", "estimate": "5", "confidence": "high", "notes": "Easy\nenough"} in view[
        "votes"
    ]
    assert view["outliers"] == ["p2", "p6"]
    assert view["rounds"] == [{"round": 1, "voted": 7, "mean": 5.17, "min": 3, "max": 8, "consensus": False}]


@given(
    cards=st.lists(st.sampled_from(["13", "21", "coffee", "?"]), min_size=1, max_size=6), names=st.booleans()
)
def test_no_value_leaves_before_the_reveal(cards: list[str], names: bool) -> None:
    """For nobody, presenters included: neither the card nor how often it lies there."""
    room = Classroom(TYPE)
    for card in cards:
        room.answer({"estimate": card, "confidence": "high", "notes": "SECRET"})
    for state in ("active", "paused", "closed"):
        live = replace(room.live(), state=state, names={"p1": "Ann"})
        for sight in (HOST, NAMED, REVEALED):
            seen = TYPE.view(live, replace(sight, names=names))[""]
            voted = len(cards)
            assert seen.pop("voted_count") == voted
            text = json.dumps(
                {name: value for name, value in seen.items() if name not in ("voted", "eligible")}
            )
            assert not any(word in text for word in ("13", "21", "coffee", "?", "high", "SECRET", "card"))
            assert (
                not {"votes", "distribution", "numeric", "consensus", "suggested", "confidence"} & seen.keys()
            )


def test_who_has_voted_is_known_to_presenters() -> None:
    room = table("5", "3")
    live = replace(room.live(), names={"p1": "Ann", "p2": "Bob", "p9": "Cid"}, joined=3)
    view = TYPE.view(live, HOST)[""]
    assert (view["voted"], view["waiting_for"], view["eligible"]) == (["p1", "p2"], ["p9"], 3)
    assert "voted" not in TYPE.view(live, REVEALED)[""]


def test_anonymous_votes_stay_anonymous() -> None:
    room = table("8", "3", anonymous_votes=True)
    assert turned(room)["votes"] == [{"estimate": "3"}, {"estimate": "8"}]
    assert "outliers" not in turned(room)
    assert all("participant" not in row for row in room.rows())
    assert turned(table("8", "3"), REVEALED)["votes"] == [{"estimate": "3"}, {"estimate": "8"}]


def test_a_new_round_hides_again_and_keeps_the_history() -> None:
    room = table("5", "8")
    second = replace(room.live(), round=2, tally={"card:5": 3, "#n": 3}, earlier={1: room.tally}, items={})
    hidden = TYPE.view(second, HOST)[""]
    first_round = {"round": 1, "voted": 2, "mean": 6.5, "min": 5, "max": 8, "consensus": False}
    assert hidden["rounds"] == [first_round]
    assert "distribution" not in hidden
    shown = TYPE.view(replace(second, revealed=True), HOST)[""]
    agreed = {"round": 2, "voted": 3, "mean": 5, "min": 5, "max": 5, "consensus": True}
    assert shown["rounds"] == [first_round, agreed]


def test_the_facilitator_decides_after_the_reveal() -> None:
    room = table("5", "8")
    with pytest.raises(Refusal, match="illegal_move"):
        room.decide({"action": "final_estimate", "estimate": "8"})
    live = replace(room.live(), revealed=True)
    assert TYPE.decide(live, {"action": "final_estimate", "estimate": 8}) == {"final_estimate": "8"}
    assert TYPE.decide(live, {"action": "final_estimate", "estimate": None}) == {"final_estimate": None}
    with pytest.raises(Refusal, match="unknown_option"):
        TYPE.decide(live, {"action": "final_estimate", "estimate": "7"})
    assert TYPE.view(replace(live, decisions={"final_estimate": "8"}), REVEALED)[""]["final_estimate"] == "8"


@pytest.mark.parametrize(
    ("changes", "cards", "suggestion"),
    [
        ({"average_rounding": "ceil"}, ["3", "5"], "5"),
        ({"average_rounding": "floor"}, ["3", "5"], "3"),
        ({"average_rounding": "nearest"}, ["3", "5"], "5"),
        ({"average_rounding": "nearest"}, ["3", "3", "5"], "3"),
        ({"deck": "modified_fibonacci", "cards": None}, ["½", "½"], "½"),
        ({"deck": "powers_of_two", "cards": None}, ["16", "64"], "64"),
        ({"deck": "custom", "cards": ["0.5", "1,5", "2"]}, ["0.5", "1,5"], "1,5"),
    ],
)
def test_suggestions(changes: dict[str, Json], cards: list[Json], suggestion: str) -> None:
    assert turned(table(*cards, **changes))["suggested"] == suggestion


def test_shirts_have_no_mean() -> None:
    view = turned(table("M", "L", deck="tshirt", cards=None, consensus_rule="neighbours"))
    assert "numeric" not in view
    assert view["consensus"] is True
    assert (
        turned(table("S", "L", deck="tshirt", cards=None, consensus_rule="neighbours"))["consensus"] is False
    )
    assert (
        turned(table("S", "S", "L", deck="tshirt", cards=None, consensus_rule="majority"))["consensus"]
        is True
    )


def test_founding_clients_are_understood() -> None:
    settings = read_settings(TYPE, {"story": "Export", "deck": "custom", "cards": [1, 0.5, "?"]})
    assert isinstance(settings, Settings)
    assert settings.offered() == ["1", "½", "?"]
    for data in ({"estimate": 0.5}, {"vote": 0.5}, {"card_value": "½"}):
        assert read_answer(TYPE, settings, data) == Answer(estimate="½")
    assert read_answer(TYPE, table().settings, {"estimate": 5, "confidence": "high"}) is not None


@pytest.mark.parametrize(
    "answer", [{"estimate": "7"}, {"estimate": True}, {"estimate": None}, {}, {"estimate": "∞"}]
)
def test_refuses(answer: Json) -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE).answer(answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"deck": "custom", "cards": None},
        {"cards": ["1", "1"]},
        {"cards": ["1", "4"]},
        {"deck": "custom", "cards": ["123456789", "1"]},
        {"story": {"title": "x", "link": "javascript:alert(1)"}},
    ],
)
def test_settings_must_fit(changes: dict[str, Json]) -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE, example_with(TYPE, **changes))


@pytest.mark.parametrize(
    ("card", "number"),
    [
        ("5", 5000),
        ("½", 500),
        ("1,25", 1250),
        ("?", None),
        ("XL", None),
        ("", None),
        ("²", None),
        ("1e3", None),
    ],
)
def test_numbers_on_cards(card: str, number: int | None) -> None:
    assert number_of(card) == number
