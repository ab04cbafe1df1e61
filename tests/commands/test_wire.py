"""Over the real WebSocket and REST of a running server: secrets before their time, and every type's own example."""

import asyncio
import json
from typing import Any

import pytest

from realtime.activities.answers import judge
from realtime.activities.config import read_config
from realtime.activities.contract import read_settings
from realtime.activities.registry import installed
from tests.journey.clients import Client
from tests.journey.stages import Scene, Stage, new_id

KINDS = installed().kinds()
# A card that occurs nowhere else on the wire: if it is seen, an estimate was.
CARDS = ["QZX1", "QZX2", "QZX3"]
DECK = {"story": {"title": "Export"}, "deck": "custom", "cards": [*CARDS, "KJY9"], "timer": 0, "auto_reveal": False}


def without_settings(frames: list[dict[str, Any]]) -> str:
    """The frames as text, without the deck, which is no secret."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: strip(child) for name, child in node.items() if name != "cards"}
        return [strip(child) for child in node] if isinstance(node, list) else node

    return json.dumps([strip(frame) for frame in frames])


async def test_no_frame_holds_an_estimate_before_the_reveal(wire: Stage) -> None:
    scene = await wire.session()
    activity_id = await scene.add("planning_poker", DECK, reveal={"counts": "live", "results": "live", "names": "everyone"})
    seats = [await scene.join(f"P{number}") for number in range(3)]
    players = [await scene.enter(seat) for seat in seats]
    presenter = await scene.present()
    for player, card in zip(players, CARDS, strict=True):
        estimate = {"estimate": card, "notes": f"{card}n"}
        reply = await player.ask("submit", activity_id=activity_id, submission_id=new_id(), data=estimate)
        assert reply["type"] == "accepted", reply
    await presenter.until(lambda: presenter.map.get(f"view:{activity_id}", {}).get("voted_count") == 3, "three have voted")
    late = await scene.present()
    newcomer = await scene.enter(await scene.join("P9"))
    await late.ask("sync")
    for client in (presenter, late, newcomer):
        assert not [card for card in CARDS if card in without_settings(client.frames)]
    for number, player in enumerate(players):
        others = [card for card in CARDS if card != CARDS[number]]
        assert not [card for card in others if card in without_settings(player.frames)]
    for path in (f"/activities/{activity_id}", f"/activities/{activity_id}/status", "/activities", "/status"):
        for ticket in (scene.ticket, seats[0].ticket):
            answer = await scene.get(path, ticket)
            if answer.status_code == 200:
                assert not [card for card in CARDS if card in without_settings([answer.json()])], path

    await presenter.ask("reveal", activity_id=activity_id)
    await newcomer.until(lambda: CARDS[0] in without_settings([newcomer.map]), "the cards are turned")


async def test_lists_of_responses_hold_no_estimate_before_the_reveal(wire: Stage) -> None:
    scene = await wire.session()
    activity_id = await scene.add("planning_poker", DECK)
    seat = await scene.join()
    assert (await scene.answer(activity_id, seat, {"estimate": CARDS[0]})).status_code == 201
    responses = f"/activities/{activity_id}/responses"
    for path in (responses, "/responses", f"{responses}/since/1990-01-01T00:00:00Z", f"/activities/{activity_id}/results"):
        listed = await scene.get(path)
        assert CARDS[0] not in listed.text, path


async def item_id_for(client: Client, activity_id: str) -> str:
    """The id of the one contribution that a presenter sees."""
    prefix = f"view:{activity_id}:item:"
    key: str = await client.until(lambda: next((key for key in client.map if key.startswith(prefix)), None), "a contribution")
    return key.removeprefix(prefix)


def without_phases(settings: Any) -> dict[str, Any]:
    """A reading phase would only make the test wait, and a reveal by the clock would come in between."""
    kept = {name: value for name, value in settings.items() if name != "phases"}
    return kept | {"auto_reveal": False} if "auto_reveal" in kept else kept


async def answer_of(document: dict[str, Any], scene: Scene, activity_id: str, client: Client) -> dict[str, Any]:
    """An example's answer, with the id of a contribution that is there where it names one."""
    named = [name for name in ("item_id",) if name in document]
    votes = isinstance(document.get("votes"), dict)
    if not named and not votes:
        return document
    presenter = await scene.present()
    item_id = await item_id_for(presenter, activity_id)
    reply = await presenter.ask("decide", activity_id=activity_id, decision={"action": "approve", "item_id": item_id})
    assert reply["type"] == "done", reply
    if votes:
        await presenter.ask("decide", activity_id=activity_id, decision={"action": "phase", "phase": "vote"})
        await client.until(lambda: client.map.get(f"view:{activity_id}", {}).get("phase") == "vote", "it can be voted on")
        return document | {"votes": {item_id: 1}}
    await client.until(lambda: f"view:{activity_id}:item:{item_id}" in client.map, "its voters see it")
    return document | {"item_id": item_id}


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_examples_are_stored_and_come_back_equal(wire: Stage, name: str) -> None:
    kind = KINDS[name]
    wanted = without_phases(kind.example["settings"])
    scene = await wire.session()
    activity_id = await scene.add(name, wanted)
    config = (await scene.get(f"/activities/{activity_id}")).json()["config"]
    assert config["settings"] == read_config(kind, {"settings": wanted}).settings
    settings = read_settings(kind, wanted)
    expected = {}
    for number, example in enumerate(kind.example["answers"]):
        seat = await scene.join(f"P{number}")
        client = await scene.enter(seat)
        data = await answer_of(dict(example), scene, activity_id, client)
        reply = await client.ask("submit", activity_id=activity_id, submission_id=new_id(), data=data)
        assert reply["type"] == "accepted", reply
        whole = read_config(kind, {"settings": wanted})
        judged = judge(kind, whole, settings, data, elapsed_ms=None, submission_id=reply["submission_id"], entry=None)
        expected[reply["response_id"]] = judged.data
        assert (await client.ask("sync"))["mine"][activity_id][0]["data"] == judged.data
        if json.loads(json.dumps(judged.data)) != data:
            assert kind.name in CHANGED_BY_CHECKING, (data, judged.data)
    rows = await scene.settled_rows(activity_id)
    assert {str(row["id"]): json.loads(row["response_data"])["data"] for row in rows} == expected
    assert all(json.loads(row["response_data"])["type"] == name for row in rows)


# Types whose own check completes or cleans an answer, so that it is not stored letter by letter.
CHANGED_BY_CHECKING = {
    "brainstorm", "cloze", "open_text", "planning_poker", "points_allocation", "survey", "table_completion", "word_cloud",
}  # fmt: skip


async def test_new_commands_over_the_socket(wire: Stage) -> None:
    scene = await wire.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone, tablet = await scene.enter(seat), await scene.enter(seat)
    presenter = await scene.present()
    saved = await phone.ask("save_draft", activity_id=activity_id, data={"selected": ["a"]}, auto_submit=True)
    assert (saved["type"], saved["result"]["revision"]) == ("done", 1)
    pushed = await tablet.until(lambda: next((one for one in tablet.frames if one["type"] == "mine"), None), "the other device")
    assert pushed["drafts"][activity_id] == {
        "round": 1, "revision": 1, "auto_submit": True, "data": {"selected": ["a"]},
        "saved_at_ms": saved["result"]["saved_at_ms"],
    }  # fmt: skip
    given = await presenter.ask("accommodate", participant_id=seat.participant_id, extra_time_percent=25)
    assert given["result"] == {"participant_id": seat.participant_id, "extra_time_percent": 25}
    again = await scene.enter(seat)
    assert (again.welcome["you"]["extra_time_percent"], again.welcome["drafts"][activity_id]["revision"]) == (25, 1)
    refused = await phone.ask("decide", activity_id=activity_id, decision={"action": "approve"})
    assert (refused["type"], refused["code"]) == ("refused", "forbidden")
    pongs = [await phone.ask("ping") for _ in range(3)]
    assert [pong["server_time_ms"] for pong in pongs] == sorted(pong["server_time_ms"] for pong in pongs)
    await asyncio.gather(*(client.close() for client in (phone, tablet, again)))
