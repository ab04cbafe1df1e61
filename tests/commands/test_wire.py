"""Over the real WebSocket and REST of a running server: secrets before their time, and commands of participants."""

import asyncio
import json
from typing import Any

from tests.journey.stages import Stage, new_id

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
