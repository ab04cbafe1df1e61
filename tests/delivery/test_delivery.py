"""Everybody in a room ends where a newcomer begins, whoever comes, goes, stops reading or is written to beside the others."""

import asyncio
import json
import random
import socket
from typing import Any

import pytest

from realtime.activities.contract import Audience
from realtime.activities.registry import installed
from realtime.core.errors import CloseCode
from realtime.core.sync import Mirror
from realtime.delivery import pushing
from realtime.delivery.fanout import choose_writers, fan_out_in_python
from realtime.delivery.pushing import Delivery
from realtime.rooms import Connection, Room
from realtime.store.live import Changes
from realtime.store.replicas import Replica
from tests.delivery.lines import LineWire

AT_ONCE = 300  # instead of more, for there are only so many open files
MOVES = ["enter", "enter", "leave", "change", "change", "push", "push", "hear", "talk", "close", "beat", "epoch"]
FASTEST = choose_writers().fan_out
CALLS = [pytest.param(FASTEST, id="fastest"), pytest.param(fan_out_in_python, id="python")]


class Client:
    """Applies what it hears, and takes no gap."""

    def __init__(self, room: Room, replica: Replica, audience: Audience) -> None:
        self.wire = LineWire()
        self.mirror = Mirror()
        self.connection = Connection(room.session_id, "participant", audience, None, "ticket", self.wire)
        room.connections.add(self.connection)
        room.behind.add(self.connection)
        self.connection.push(replica.state(audience, None))
        self.connection.place(replica.epoch, replica.offset)
        room.settle(self.connection)

    def hear(self) -> None:
        for frame in self.wire.read():
            if frame["type"] in ("delta", "snapshot"):
                assert self.mirror.apply(frame), f"a gap: {frame['since']} after {self.mirror.offset}"
            elif frame["type"] == "beat":
                assert (frame["epoch"], frame["offset"]) == (self.mirror.epoch, self.mirror.offset)


class Stage:
    """A room whose session changes."""

    def __init__(self, fan_out: Any) -> None:
        self.replica = Replica("s", installed())
        self.room = Room("s")
        self.delivery = Delivery(fan_out, buffer_bytes=2_000, heartbeat_seconds=10)
        self.clients: list[Client] = []
        self.epoch, self.offset = "one", 0
        self.change("begin")

    def change(self, text: str) -> None:
        self.offset += 1
        value = json.dumps({"title": text, "id": "s"})
        self.replica.absorb(Changes(self.epoch, self.offset, 0, [("session", self.offset, value)], []))

    def enter(self, audience: Audience = Audience.PARTICIPANTS) -> Client:
        client = Client(self.room, self.replica, audience)
        self.clients.append(client)
        return client

    def leave(self, client: Client) -> None:
        self.clients.remove(client)
        self.room.forget(client.connection)
        client.wire.end()

    async def settle(self) -> None:
        """Everybody reads everything, and what that lets through."""
        for _ in range(3):
            for client in self.clients:
                client.hear()
            await self.delivery.push(self.room, self.replica)
        for client in self.clients:
            client.hear()

    def check(self) -> None:
        for client in self.clients:
            if not client.wire.closed:
                fresh = Mirror()
                fresh.apply(json.loads(self.replica.state(client.connection.audience, None)))
                # Of a write that changed nothing to be seen nobody is told, so the offset may be an earlier one.
                assert (client.mirror.epoch, client.mirror.map) == (fresh.epoch, fresh.map)

    def end(self) -> None:
        for client in self.clients:
            client.wire.end()


@pytest.mark.parametrize("fan_out", CALLS)
@pytest.mark.parametrize("seed", range(12))
async def test_stale_state_plus_what_is_pushed_is_the_fresh_state(fan_out: Any, seed: int) -> None:
    draw = random.Random(seed)
    stage = Stage(fan_out)
    for _ in range(150):
        match draw.choice(MOVES):
            case "enter" if len(stage.clients) < 40:
                stage.enter(draw.choice(list(Audience)))
            case "leave" if stage.clients:
                stage.leave(draw.choice(stage.clients))
            case "change":
                stage.change("x" * draw.choice([1, 50, 1_500, 30_000]))
            case "push":
                await stage.delivery.push(stage.room, stage.replica)
            case "hear" if stage.clients:
                draw.choice(stage.clients).hear()
            case "talk" if stage.clients:
                draw.choice(stage.clients).connection.push(b'{"type":"done"}')
            case "close" if stage.clients and draw.random() < 0.2:
                draw.choice(stage.clients).wire.close(CloseCode.SLOW)
            case "beat":
                await stage.delivery.beat(stage.room, draw.choice([0.0, 1e12]))
            case "epoch" if draw.random() < 0.1:
                stage.epoch, stage.offset = stage.epoch + "+", draw.randrange(5)
                stage.change("again")
    await stage.settle()
    stage.check()
    assert all(cohort.members.keys() <= stage.room.connections for cohort in stage.room.front.values())
    stage.end()


@pytest.mark.parametrize("fan_out", CALLS)
async def test_who_comes_or_goes_between_two_parts_of_a_push(fan_out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "AT_ONCE", AT_ONCE)
    stage = Stage(fan_out)
    for _ in range(AT_ONCE + 20):
        stage.enter()
    await stage.settle()
    assert len(stage.room.front[Audience.PARTICIPANTS].members) == AT_ONCE + 20, "all go together"
    stage.change("next")
    push = asyncio.create_task(stage.delivery.push(stage.room, stage.replica))
    await asyncio.sleep(0)  # the first part is written
    late = stage.clients[AT_ONCE + 5]
    stage.leave(late)
    stranger = socket.socketpair()  # its descriptor is likely to be the one that has just become free
    stage.enter()
    await push
    stranger[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        stranger[1].recv(1)
    for each in stranger:
        each.close()
    await stage.settle()
    stage.check()
    stage.end()


async def test_a_phone_that_does_not_read_costs_a_number_and_no_queue() -> None:
    stage = Stage(FASTEST)
    asleep, awake = stage.enter(), stage.enter()
    await stage.settle()
    most = 0
    for number in range(300):
        stage.change(f"{number} " + "y" * 900)
        await stage.delivery.push(stage.room, stage.replica)
        awake.hear()
        most = max(most, asleep.wire.buffered())
    assert awake.mirror.offset == stage.offset
    assert most < 2_000 + 1_100, "what waits for it is bounded by the buffer and one frame"
    await stage.settle()
    stage.check()
    stage.end()


async def test_in_a_hall_phones_are_told_how_many_are_here_once_in_a_while_and_all_else_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(FASTEST)
    monkeypatch.setattr(pushing, "_HALL", 3)
    host, phone, newcomer = stage.enter(Audience.PRESENTERS), stage.enter(), stage.enter()

    async def count(joined: int) -> None:
        stage.offset += 1
        text = json.dumps({"joined": joined, "online": joined})
        stage.replica.absorb(Changes(stage.epoch, stage.offset, 0, [("people", stage.offset, text)], []))
        await stage.delivery.push(stage.room, stage.replica)
        for client in stage.clients:
            client.hear()

    await count(1)
    assert not stage.room.owes
    assert [one.mirror.map["people"]["joined"] for one in (host, phone, newcomer)] == [1, 1, 1]
    await count(2)
    assert stage.room.owes, "somebody looks again soon"
    assert [one.mirror.map["people"]["joined"] for one in (host, phone, newcomer)] == [2, 1, 1]
    stage.change("something else")
    await stage.delivery.push(stage.room, stage.replica)
    phone.hear()
    assert (phone.mirror.map["people"]["joined"], phone.mirror.map["session"]["title"]) == (2, "something else")
    assert not stage.room.owes
    await count(3)
    assert phone.mirror.map["people"]["joined"] == 2
    stage.room.whole_at -= pushing.MINOR_SECONDS
    await count(4)
    assert [one.mirror.map["people"]["joined"] for one in (host, phone, newcomer)] == [4, 4, 4]
    stage.end()


async def test_dashboards_are_told_counts_that_phones_wait_for_and_nobody_waits_for_anything_else() -> None:
    stage = Stage(FASTEST)
    host, phone = stage.enter(Audience.PRESENTERS), stage.enter()

    async def put(key: str, text: str, *, counts: bool) -> None:
        stage.offset += 1
        stage.replica.absorb(Changes(stage.epoch, stage.offset, 0, [], []))
        for audience in Audience:
            stage.replica.map_of(audience).put(key, text, stage.offset)
        stage.room.stale = False
        await stage.delivery.push(stage.room, stage.replica, counts=counts)
        host.hear()
        phone.hear()

    await put("view:a", "1", counts=False)
    assert (host.mirror.map["view:a"], phone.mirror.map.get("view:a")) == (1, None)
    assert stage.room.stale, "somebody looks again at the next tick"
    await put("activity:a", "2", counts=False)
    assert (phone.mirror.map["activity:a"], phone.mirror.map["view:a"]) == (2, 1)
    assert not stage.room.stale
    await put("view:a", "3", counts=False)
    await put("view:a", "4", counts=True)
    assert (host.mirror.map["view:a"], phone.mirror.map["view:a"], stage.room.stale) == (4, 4, False)
    stage.end()


@pytest.mark.parametrize("fan_out", CALLS)
async def test_who_is_let_in_between_two_parts_of_a_push_gets_what_it_brings(fan_out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The welcome was made before the change, and sent after the push had begun: the position is that of the others before it."""
    monkeypatch.setattr(pushing, "AT_ONCE", AT_ONCE)
    stage = Stage(fan_out)
    for _ in range(AT_ONCE + 20):
        stage.enter()
    await stage.settle()
    late = stage.enter()
    late.connection.leave()
    stage.room.behind.add(late.connection)
    stage.change("next")
    push = asyncio.create_task(stage.delivery.push(stage.room, stage.replica))
    await asyncio.sleep(0)  # the first part is written
    stage.room.settle(late.connection)
    await push
    await stage.settle()
    assert late.mirror.offset == stage.offset
    stage.check()
    stage.end()
