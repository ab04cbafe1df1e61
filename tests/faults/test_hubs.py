"""Hubs die, leave, freeze, tell another time: nobody's answer may notice."""

import asyncio
import contextlib
import signal

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from realtime.core.errors import CloseCode
from tests.faults.cluster import Cluster
from tests.journey.clients import Client
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

POINTS = ["before_accept", "after_accept", "before_save", "read_ahead", "after_commit", "after_confirm"]
GRACE_SECONDS = 8.0  # PLENUM_DRAIN_SECONDS is 4, and the machine may be busy


@pytest.mark.parametrize("point", POINTS)
async def test_row_01_hub_dies_at(point: str, cluster: Cluster) -> None:
    first, second = cluster.hubs
    await second.kill9()
    room = await cluster.room(20)
    await first.kill9()
    # It serves until the first answer or flush reaches the point.
    full = {"PLENUM_FLUSH_ROWS": "1"} if point == "read_ahead" else {}  # behind a batch that is not full nothing is read ahead
    await first.start(crash_at=point, ready=False, **full)
    await asyncio.gather(room.press(seconds=1), first.ended())
    assert first.exit_code == -signal.SIGKILL, "it died where it should"
    pressing = asyncio.create_task(room.press(seconds=1))
    await first.start()
    await pressing
    await cluster.rest()


async def test_row_01_hub_dies_between_a_revocation_and_telling_of_it(cluster: Cluster) -> None:
    """What is committed reaches everybody, though the process that did it told nobody."""
    first, second = cluster.hubs
    room = await cluster.room(3)
    path = f"/api/v1/sessions/{room.id}/tickets"
    issued = await cluster.post(path, {"role": "presenter", "label": "A helper"}, room.ticket)
    await first.kill9()
    await first.start(crash_at="before_publish")
    helper = await Client.enter(second.url, issued["ticket"])
    async with httpx.AsyncClient(base_url=first.url, timeout=20, trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await http.delete(f"{path}/{issued['id']}", headers={"authorization": f"Bearer {room.ticket}"})
    assert await first.ended() == -signal.SIGKILL, "it died where it should"

    async def is_out() -> bool:
        with contextlib.suppress(ConnectionClosed):
            await helper.tell("ping")  # who says nothing is sent away for that
        return helper.closed

    await eventually(is_out, "another process has told of it", every_seconds=0.1)
    assert helper.socket.close_code == CloseCode.UNAUTHENTICATED
    await first.start()
    await cluster.rest()


async def test_row_01_hubs_die_again_and_again_under_load(cluster: Cluster) -> None:
    room = await cluster.room(40)
    pressing = asyncio.create_task(room.press(seconds=6))
    while not pressing.done():
        hub = cluster.random.choice(cluster.hubs)
        await hub.kill9()
        await hub.start()
    await pressing
    await cluster.rest()


async def test_row_02_hub_is_asked_to_leave_under_load(cluster: Cluster) -> None:
    room = await cluster.room(40)
    hub = cluster.hubs[0]
    here = (await hub.health())["connections"]
    stuck = await Client.enter(hub.url, room.crowd.phones[0].ticket)
    stuck.socket.transport.pause_reading()
    pressing = asyncio.create_task(room.press(seconds=3))
    await eventually(lambda: room.crowd.pressed > 50, "the load is there")
    hub.signal(signal.SIGTERM)
    assert await hub.ended(GRACE_SECONDS) == 0, "P15: a clean exit"
    stuck.socket.transport.abort()
    await stuck.until_closed()
    await pressing
    told = {}
    for line in cluster.history.lines:
        if (line.event.frame or {}).get("type") == "going_away":
            told[line.client] = line.event.frame["delay_ms"]  # type: ignore[index]
    assert len(told) >= here - 2, f"{len(told)} of {here} were told to leave"
    assert len(set(told.values())) > 3, "not all at once"
    async with cluster.redis() as redis:
        shards = [await redis.hget(f"plenum:{{{number}}}:epoch", "epoch") for number in range(16)]
    assert all(shards), "P15: every shard is intact"
    await cluster.rest()


async def test_row_02_second_signal_ends_at_once(cluster: Cluster) -> None:
    room = await cluster.room(20)
    await room.press(seconds=0.5)
    hub = cluster.hubs[0]
    hub.signal(signal.SIGTERM)
    hub.signal(signal.SIGTERM)
    # Both may be taken as one by the kernel; a third is then the second.
    await eventually(lambda: hub.signal(signal.SIGINT) or not hub.running, "the end", 3, every_seconds=0.2)
    assert hub.exit_code in (0, 130)
    await room.press(seconds=0.5)
    await cluster.rest()


async def test_row_03_hub_freezes_and_comes_back_as_a_zombie(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    cluster.hubs[0].signal(signal.SIGSTOP)
    await room.press(seconds=6)
    await eventually(
        lambda: all(phone.at_rest for phone in room.crowd.phones), "everybody is served by the other hub", 20
    )  # fmt: skip
    cluster.hubs[0].signal(signal.SIGCONT)
    await room.press(seconds=1)
    await cluster.rest()


async def test_row_15_client_leaves_while_its_call_is_in_flight(cluster: Cluster) -> None:
    room = await cluster.room(40)
    for hub in cluster.hubs:
        hub.redis.latency_seconds = 0.05
    pressing = asyncio.create_task(room.press(seconds=3))
    while not pressing.done():
        cluster.random.choice(room.crowd.phones).session.drop()
        await asyncio.sleep(0.01)
    for hub in cluster.hubs:
        hub.redis.heal()
    await cluster.rest()


@pytest.mark.parametrize("skew_seconds", [3_600, -3_600])
async def test_row_29_clock_of_a_hub_is_wrong_and_jumps(skew_seconds: int, cluster: Cluster) -> None:
    hub = cluster.hubs[0]
    await hub.kill9()
    await hub.start(launch=("-m", "tests.faults.skewed", str(skew_seconds)))
    room = await cluster.room(30)
    await room.press(seconds=1.5)
    hub.signal(signal.SIGUSR1)  # the clock jumps to the other side
    await room.press(seconds=1.5)
    await cluster.rest()
    await hub.kill9()


async def test_row_30_two_hubs_accept_flush_and_show(cluster: Cluster) -> None:
    room, other = await cluster.room(50), await cluster.room(10)
    await asyncio.gather(room.press(rate=150, seconds=4), other.press(rate=30, seconds=4))
    await cluster.rest()
    healths = [await hub.health() for hub in cluster.hubs]
    assert all(health["connections"] > 0 for health in healths)
    everybody = sum(len(room.crowd.phones) + 1 for room in cluster.rooms)

    async def counted() -> bool:
        return sum([(await hub.health())["connections"] for hub in cluster.hubs]) == everybody

    await eventually(counted, "P14: the hubs know exactly the connections that there are")
