"""Who comes in while a room is moving: first the welcome, then everything since, and nobody waits for somebody else."""

import asyncio
import json
from typing import Any

import pytest

from realtime.core.sync import Mirror
from realtime.rooms import Connection
from tests.commands.stage import Stage, Wire
from tests.waiting import eventually

CROWD = 60


async def test_nothing_is_sent_before_the_welcome_and_nothing_is_missing_after_it(stage: Stage) -> None:
    poll, ann = await stage.open(), await stage.join()
    watcher = await stage.connect(stage.presenter)
    wire, who = Wire(), stage.presenter
    connection = Connection(who.session_id, who.role, who.audience, None, who.key, wire)
    state, _ = await stage.app.hub.attach(connection, "", None)
    # A presenter's ticket is looked at once more here, which takes a while.
    assert await stage.answer(ann, poll, {"selected": ["a"]}) == "accepted"
    await eventually(lambda: any(f"counts:{poll}" in frame.get("set", {}) for frame in watcher.frames), "the room is told")
    assert wire.frames == []

    mirror = Mirror()
    assert mirror.apply(json.loads(state))
    stage.app.hub.settle(connection)

    def counted() -> Any:
        while wire.frames:
            frame = wire.frames.pop(0)
            assert frame["type"] != "delta" or mirror.apply(frame), "a gap"
        return mirror.map.get(f"counts:{poll}", {}).get("responses") == 1

    await eventually(counted, "it is told what came while it was let in", 1.5)
    stage.app.hub.detach(connection)


async def test_what_changed_for_many_participants_is_read_together(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a deadline hands in what a hall has written: one by one, dashboards would stand still meanwhile."""
    other, poll = await stage.another(), await stage.open()
    people = await stage.crowd(CROWD)
    wires = [await stage.connect(one) for one in people]
    await stage.answer(people[0], poll, {"selected": ["a"]})
    await eventually(lambda: stage.app.replicas.peek(stage.session_id), "the room is known")
    send, calls = stage.app.live.servers.send, 0

    async def counted(place: str, packed: bytes, count: int) -> list[Any]:
        nonlocal calls
        calls += 1
        return await send(place, packed, count)

    monkeypatch.setattr(stage.app.live.servers, "send", counted)
    sent = [stage.send(one, poll, {"selected": ["b"]}, app=other) for one in people[1:]]  # from their other devices
    await asyncio.gather(*sent)
    told = [lambda wire=wire: any(frame["type"] == "mine" and frame["mine"] for frame in wire.frames) for wire in wires[1:]]
    await eventually(lambda: all(each() for each in told), "everybody sees the answer from the other device")
    assert calls < CROWD, "a few round trips for all"


async def test_no_room_waits_for_the_presence_of_another(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server of a cluster hangs, only its own sessions are late."""
    await stage.connect(await stage.join())
    await stage.set()
    await stage.connect(await stage.join())
    both = asyncio.Barrier(2)
    noted: set[str] = set()

    async def hang(session_id: str, present: list[str], left: list[str]) -> int:
        await both.wait()
        noted.add(session_id)
        return len(present)

    monkeypatch.setattr(stage.app.live, "presence", hang)
    await eventually(lambda: len(noted) == 2, "both are at it at the same time")
