"""A Redis Cluster of six under load: a slot moves, a master dies with what its replica lacks. Nobody's answer may notice."""

import asyncio
import signal

import pytest

from realtime.store.topology import slot_of
from tests.cluster.conftest import Town
from tests.cluster.six import Six
from tests.faults.cluster import SHARDS, Room
from tests.journey.clients import Client
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def epochs(town: Town, room: Room) -> list[str]:
    """The epoch of the room's shard, as Redis and as PostgreSQL have it."""
    shard = next(number for number in range(SHARDS) if slot_of(number) == town.slot(room))
    async with town.redis() as redis:
        live = await redis.hget(f"plenum:{{{shard}}}:epoch", "epoch")
    return [str(live), str(await town.database.fetchval("SELECT epoch FROM shards WHERE shard = $1", shard))]


def accepted(town: Town, room: Room) -> int:
    """Answers of a room that were accepted so far."""
    mine = {phone.participant_id for phone in room.crowd.phones}
    return sum(ack.participant_id in mine for ack in town.history.acks())


async def test_a_slot_moves_under_load_in_both_ways(town: Town) -> None:
    room = await town.room(24)
    slot, before = town.slot(room), await epochs(town, room)
    source = await town.six.owner(slot)
    second, third = [master for master in await town.six.masters() if master is not source][:2]
    pressing = asyncio.create_task(room.press(rate=80, seconds=5))
    await eventually(lambda: accepted(town, room) > 30, "the load is there")
    await town.six.move_at_once(slot, second)
    seen = accepted(town, room)
    await eventually(lambda: accepted(town, room) > seen + 10, "answers are accepted at the second server", 20)
    between = await epochs(town, room)
    await town.six.move_by_keys(slot, third)
    await pressing
    await room.press(rate=50, seconds=0.5)
    await town.rest()
    after = await epochs(town, room)
    assert len({*before, *between, *after}) == 3, "one epoch at each of three servers, the same in Redis and in PostgreSQL"


async def test_a_master_dies_and_its_replica_lacks_the_tail(town: Town) -> None:
    room = await town.room(24)
    other = await town.room(8)
    while await town.six.owner(town.slot(other)) is await town.six.owner(town.slot(room)):
        other = await town.room(8)
    master = await town.six.owner(town.slot(room))
    replica = await town.six.replica_of(master)
    before = await epochs(town, room)
    pressing = [asyncio.create_task(one.press(rate=40, seconds=6)) for one in (room, other)]
    await eventually(lambda: accepted(town, room) > 20, "the load is there")
    # The replica is cut off and cannot come back, while the master goes on to accept.
    replica.signal(signal.SIGSTOP)
    await master.ask("CLIENT", "KILL", "TYPE", "REPLICA")
    seen = accepted(town, room)
    await eventually(lambda: accepted(town, room) > seen + 20, "answers are accepted that the replica will never have")
    master.kill()
    replica.signal(signal.SIGCONT)
    calm = accepted(town, other)
    await eventually(lambda: accepted(town, other) > calm + 5, "sessions of the other servers go on meanwhile", 20)

    async def promoted() -> bool:
        return await town.six.owner(town.slot(room)) is replica

    await eventually(promoted, "the replica has taken over", 30)
    await asyncio.gather(*pressing)
    await room.press(rate=50, seconds=0.5)
    await town.rest(40)
    assert not {*before} & {*await epochs(town, room)}, "a failover is another incarnation"
    ready = [await hub.health() for hub in town.hubs]
    assert all(health["ready"] for health in ready)


async def test_a_hub_starts_while_a_seed_is_away_and_says_what_it_can_promise(town: Town, shared_six: Six) -> None:
    seed = shared_six.servers[0]
    seed.kill()

    async def is_held() -> bool:
        return seed not in await shared_six.masters()

    # A hub does not start on a cluster that lacks a server, and whether this one was a master the tests before have decided.
    await eventually(is_held, "what the seed held is at another server", 30)
    room = await town.room(2)
    hub = town.hubs[0]
    await hub.kill9()
    await hub.start()
    phone = await Client.enter(hub.url, room.crowd.phones[0].ticket)
    assert phone.welcome["durability"] == "second", "a replica may take over that lacks what was on its master's disk"
    await phone.close()
    await room.press(seconds=0.5)
    await town.rest(30)
