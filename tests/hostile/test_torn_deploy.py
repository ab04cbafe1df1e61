"""Fault 51: a client of an earlier release talks to this server, and one of a later release does.

The frames are recorded as the release wrote them; a change that an old page would stumble over fails here.
"""

import json
from pathlib import Path
from string import Template
from typing import Any

import pytest

from realtime.core.errors import CloseCode
from tests.journey.clients import Client
from tests.journey.stages import Stage, new_id

FOLDER = Path(__file__).resolve().parents[1] / "wire" / "recorded"
RECORDED = {path.stem: path.read_text().splitlines() for path in sorted(FOLDER.glob("*.jsonl"))}


@pytest.mark.parametrize("release", RECORDED)
async def test_frames_of_an_earlier_release(stage: Stage, release: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join("Old page")
    names = {"ticket": seat.ticket, "activity": activity_id, "receipt": ""}
    names |= {name: new_id() for name in ("first", "second", "third")}
    client = await Client.open(stage.url)
    accepted: dict[str, Any] = {}
    for line in RECORDED[release]:
        step = json.loads(Template(line).substitute(names))
        await client.send(json.dumps(step["say"]))
        reply: dict[str, Any] = await client.reply(step["say"]["id"])
        assert reply["type"] == step["hear"], (step["say"], reply)
        for name in step.keys() - {"say", "hear"}:
            assert reply[name] == step[name]
        names["receipt"] = reply.get("receipt", names["receipt"])
        accepted = reply if reply["type"] == "accepted" else accepted
    assert client.gaps == 0
    await client.until_saved(accepted)
    await client.close()
    rows = await scene.rows(activity_id)
    assert [(str(row["submission_id"]), row["deleted_at"] is not None) for row in rows] == [(names["third"], True)]


async def test_a_protocol_of_a_later_release_is_told_so_for_good(stage: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join("Tomorrow")
    client = await Client.open(stage.url)
    await client.send(json.dumps({"type": "hello", "id": 1, "ticket": seat.ticket, "protocol": 99}))
    refused = await client.reply(1)
    assert (refused["code"], refused["details"]["protocol"]) == ("invalid", 1)
    assert await client.until_closed() == CloseCode.UNSUPPORTED
    assert CloseCode.UNSUPPORTED >= 4_500, "coming again cannot help"
