"""Every JSON example, of each type's own documentation and of the contract, is stored and comes back equal.

`contract_examples.json` holds the documents of the contract of activity types, as written there.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from realtime.activities.config import Config
from realtime.activities.contract import read_answer, read_settings
from realtime.activities.registry import installed
from tests.journey.clients import Client
from tests.journey.stages import Scene, Stage, new_id

KINDS = installed().kinds()
CONTRACT = json.loads(Path(__file__).with_name("contract_examples.json").read_text(encoding="utf-8"))


def test_the_contract_names_every_type() -> None:
    assert CONTRACT["types"].keys() == KINDS.keys() - {"generic"}


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
    """As sent: over the socket, over REST, and as the row in PostgreSQL; and counted once each."""
    scene = await wire.session()
    sources = [KINDS[name].example] + ([CONTRACT["types"][name]] if name in CONTRACT["types"] else [])
    for source in sources:
        await play(scene, name, without_phases(source["settings"]), source["answers"])
    report = (await scene.get("/integrity")).json()
    assert report["sound"], report


async def play(scene: Scene, name: str, settings: dict[str, Any], examples: list[Any]) -> None:
    """Open an activity with these settings and answer it with each of the examples, as somebody else each time."""
    activity_id = await scene.add(name, settings)
    config = (await scene.get(f"/activities/{activity_id}")).json()["config"]
    assert holds(config["settings"], settings), "every setting is as it was sent; what was left out has its default"
    sent: dict[str, Any] = {}
    for number, example in enumerate(examples):
        seat = await scene.join(f"P{number}")
        client = await scene.enter(seat)
        data = await answer_of(dict(example), scene, activity_id, client)
        reply = await client.ask("submit", activity_id=activity_id, submission_id=new_id(), data=data)
        assert reply["type"] == "accepted", reply
        sent[reply["response_id"]] = data
        assert (await client.ask("sync"))["mine"][activity_id][0]["data"] == data
    rows = await scene.settled_rows(activity_id)
    stored = {str(row["id"]): json.loads(row["response_data"]) for row in rows}
    assert {response_id: document["data"] for response_id, document in stored.items()} == sent
    assert {document["type"] for document in stored.values()} == {name}
    if name == "planning_poker":  # no list holds an estimate before
        assert (await scene.post(f"/activities/{activity_id}/reveal", {"revealed": True})).status_code == 200
    listed = (await scene.get(f"/activities/{activity_id}/responses")).json()["responses"]
    assert {one["id"]: one["response_data"]["data"] for one in listed} == sent


def holds(document: Any, part: Any) -> bool:
    """Whether a document says all that a part of it says."""
    if isinstance(part, dict):
        return isinstance(document, dict) and all(name in document and holds(document[name], part[name]) for name in part)
    if isinstance(part, list):
        return isinstance(document, list) and len(document) == len(part) and all(map(holds, document, part))
    return bool(document == part)


async def test_the_envelopes_of_the_contract_come_back_equal(wire: Stage) -> None:
    scene = await wire.session()
    poll = CONTRACT["types"]["poll"]["settings"]
    envelope = CONTRACT["envelope"] | {"settings": poll}
    assert holds(Config.model_validate(envelope).model_dump(mode="json"), envelope)
    body = {"type": "poll", "title": "Envelope", "config": envelope}
    activity_id = (await scene.post("/activities", body)).json()["id"]
    await scene.move(activity_id, "active")
    assert holds((await scene.get(f"/activities/{activity_id}")).json()["config"], envelope)
    seat = await scene.join()
    sent = CONTRACT["response"] | {"submission_id": new_id()}
    answer = await scene.post(f"/activities/{activity_id}/responses", sent, seat.ticket)
    assert answer.status_code == 201, answer.text
    (row,) = await scene.settled_rows(activity_id)
    assert holds(json.loads(row["response_data"]), sent["response_data"])


def test_the_table_of_the_contract_is_marked_as_it_says() -> None:
    kind, table = KINDS["table_completion"], CONTRACT["types"]["table_completion"]
    settings = read_settings(kind, table["settings"])
    answer = read_answer(kind, settings, table["answers"][0])
    assert answer is not None
    mark = kind.mark(settings, answer)
    assert mark is not None
    assert mark.detail == CONTRACT["marking_result"]
