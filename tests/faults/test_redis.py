"""Redis dies, forgets, rolls back, fills up, hangs, moves, or is cut off."""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from realtime.engines import Engines, start_engines
from tests.faults.cluster import Cluster, Room, stopped
from tests.faults.disks import Disk, small_disk
from tests.faults.hubs import address_of
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

MOST_REPLY_SECONDS = 2.5  # the call's deadline is 1 s, and the machine may be busy


def told(cluster: Cluster, kind: str, code: str = "") -> int:
    """How often clients were told so."""
    return sum(event.code == code or not code for event in cluster.history.events(kind))


def losses(cluster: Cluster) -> list[str]:
    """Connections lost since the fault began: the code, how long the client had heard nothing, what it heard last."""
    began_ns = next((mark.ns for mark in reversed(cluster.history.marks) if mark.name == "fault"), 0)
    lost, heard = [], dict[str, list[str]]()
    for line in cluster.history.lines:
        event, said = line.event, heard.setdefault(line.client, [])
        if event.kind == "frame":
            frame = event.frame or {}
            said.append(f"{frame.get('type')} {frame.get('code', '')} {event.ns // 1_000_000}")
        elif event.kind == "offline" and event.ns >= began_ns:
            lost.append(f"{line.client} {event.code} at {event.ns // 1_000_000}, heard {said[-3:]}")
    return lost


def aof(cluster: Cluster) -> Path:
    """The part of the append-only file that grows."""
    files = (cluster.engines.folder / "valkey" / "appendonlydir").glob("*.incr.aof")
    return max(files, key=lambda file: int(file.name.split(".")[-3]))


async def die_and_return(cluster: Cluster, room: Room) -> None:
    """Redis dies under load and comes back half a second later."""
    pressing = asyncio.create_task(room.press(seconds=2.5))
    await eventually(lambda: room.crowd.pressed > 40, "the load is there")
    cluster.history.mark("fault")
    cluster.kill_redis()
    pressed = room.crowd.pressed
    await eventually(lambda: room.crowd.pressed > pressed + 50, "a while without Redis")
    cluster.start_redis()
    await pressing


async def test_row_04_redis_dies_with_its_log_intact(cluster: Cluster) -> None:
    room = await cluster.room(30)
    epochs = {phone.session.position[0] for phone in room.crowd.phones}
    await die_and_return(cluster, room)
    assert not (lost := losses(cluster)), f"P16: sockets stay open, not {lost}"
    assert told(cluster, "info") > 0, "P16: answers get retry"
    await cluster.rest()
    after = {frame["epoch"] for frame in _snapshots(cluster)} - epochs
    assert len(after) == 1, f"one epoch change, not {len(after)}"


def _snapshots(cluster: Cluster) -> Iterator[dict[str, str]]:
    for event in cluster.history.events("frame"):
        state = (event.frame or {}).get("state", event.frame)
        if state.get("type") == "snapshot":
            yield state


async def test_row_05_power_cut_takes_the_tail_of_the_log(cluster: Cluster) -> None:
    async with cluster.redis() as redis:
        await redis.config_set("appendfsync", "everysec")
    room = await cluster.room(30)
    await room.press(seconds=1)
    durable_bytes = aof(cluster).stat().st_size - 7  # in the middle of a command
    await room.press(seconds=1)
    cluster.kill_redis()
    os.truncate(aof(cluster), durable_bytes)
    cluster.start_redis()
    await room.press(seconds=1)
    await cluster.rest()


@pytest.mark.parametrize("how", ["flushall", "restarted empty"])
async def test_row_06_redis_is_empty(how: str, cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=1)
    pressing = asyncio.create_task(room.press(seconds=2))
    if how == "flushall":
        async with cluster.redis() as redis:
            await redis.flushall()
    else:
        cluster.kill_redis()
        shutil.rmtree(cluster.engines.folder / "valkey" / "appendonlydir")
        cluster.start_redis()
    await pressing
    await cluster.rest()


async def test_row_06_what_is_closed_stays_closed_when_redis_is_empty(cluster: Cluster) -> None:
    room = await cluster.room(20)
    await room.press(seconds=1)
    await cluster.move(room, room.many, "closed")
    cluster.kill_redis()
    shutil.rmtree(cluster.engines.folder / "valkey" / "appendonlydir")
    cluster.start_redis()
    await room.press(seconds=1.5)
    await eventually(
        lambda: told(cluster, "fail", "activity_closed") > 0, "answers to what is closed are refused, also after the rebuild"
    )
    await cluster.rest()


async def test_row_07_redis_is_rolled_back_behind_postgres(cluster: Cluster, tmp_path: Path) -> None:
    room = await cluster.room(30)
    await room.press(seconds=1)
    log = cluster.engines.folder / "valkey" / "appendonlydir"
    shutil.copytree(log, tmp_path / "older")
    await room.press(seconds=1.5)
    await eventually(lambda: told(cluster, "saved") > 50, "PostgreSQL has what the copy lacks")
    cluster.kill_redis()
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "older", log)
    cluster.start_redis()
    await room.press(seconds=1)
    await cluster.rest()


async def test_row_08_redis_has_no_memory_left(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    async with cluster.redis() as redis:
        cluster.history.mark("fault")
        await redis.config_set("maxmemory", "1mb")
        await room.press(seconds=1.5)
        await redis.config_set("maxmemory", "0")
    assert told(cluster, "info", "overloaded") > 20, "answers are told to come again"
    assert not (lost := losses(cluster)), f"P16: sockets stay open, not {lost}"
    assert told(cluster, "fail") == 0
    await room.press(seconds=0.5)
    await cluster.rest()


async def test_row_09_redis_is_demoted_and_promoted(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    async with cluster.redis() as redis:
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        await room.press(seconds=1.5)
        assert told(cluster, "info") > 20
        await redis.execute_command("REPLICAOF", "NO", "ONE")
        cluster.history.mark("incarnation")
    await room.press(seconds=0.5)
    await cluster.rest()


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Engines]:
    """A second Redis."""
    started = start_engines(tmp_path / "replica", tcp=True, postgres=False)
    yield started
    started.stop()


async def test_row_10_failover_to_a_replica_without_the_tail(cluster: Cluster, replica: Engines) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    async with Redis.from_url(replica.redis_url, decode_responses=True) as second:
        await second.execute_command("REPLICAOF", *map(str, address_of(cluster.engines.redis_url)))

        async def in_step() -> bool:
            return (await second.info("replication")).get("master_link_status") == "up"

        await eventually(in_step, "the replica follows")
        await room.press(seconds=0.5)
        await second.execute_command("REPLICAOF", "NO", "ONE")  # what comes now it does not have
        await room.press(seconds=1)
    cluster.move_redis(replica)
    await room.press(seconds=1)
    await cluster.rest()
    cluster.move_redis(cluster.engines)
    await room.press(seconds=0.5)
    await cluster.rest()


def reply_seconds(cluster: Cluster, since_ns: int, until_ns: int) -> list[float]:
    """How long those who answered in a span of time waited until they were told anything."""
    pressed: dict[str, int] = {}
    waits: list[float] = []
    for event in cluster.history.events("invoke", "ok", "info", "fail"):
        if event.kind == "invoke":
            pressed[event.submission_id] = event.ns
        elif (ns := pressed.pop(event.submission_id, 0)) and since_ns <= ns <= until_ns:
            waits.append((event.ns - ns) / 1e9)
    return sorted(waits)


async def test_row_11_redis_hangs(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    cluster.history.mark("fault")
    with stopped(cluster.engines.valkey_pid):
        await room.press(seconds=4)
    waits = reply_seconds(cluster, cluster.history.marks[-1].ns, cluster.history.marks[-1].ns + 1_000_000_000)
    assert waits[-1] < MOST_REPLY_SECONDS, f"P16: an answer waited {waits[-1]:.1f} s for a word"
    assert not (lost := losses(cluster)), f"P16: sockets stay open, not {lost}"
    await room.press(seconds=0.5)
    await cluster.rest()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[tuple[Disk, Engines]]:
    """A Redis on a disk of its own that can be filled."""
    with small_disk(tmp_path / "small", size_megabytes=64) as disk:
        started = start_engines(disk.folder / "engines", tcp=True, postgres=False)
        yield disk, started
        started.stop()


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
async def test_row_12_disk_of_redis_is_full(appendfsync: str, cluster: Cluster, full_disk: tuple[Disk, Engines]) -> None:
    disk, own = full_disk
    cluster.move_redis(own)
    async with cluster.redis() as redis:
        await redis.config_set("appendfsync", appendfsync)
    room = await cluster.room(20)
    await room.press(seconds=0.5)
    disk.fill()
    await room.press(seconds=3)
    assert told(cluster, "info") > 20, "answers are told to come again"
    assert told(cluster, "fail") == 0
    disk.free()
    if not _alive(own):
        own.start_valkey()
        cluster.history.mark("incarnation")
    await room.press(seconds=0.5)
    await cluster.rest()
    cluster.move_redis(cluster.engines)


def _alive(engines: Engines) -> bool:
    assert engines._valkey is not None
    return engines._valkey.running


@pytest.mark.parametrize("directions", [("up",), ("down",), ("up", "down")], ids="-".join)
async def test_row_13_partition_from_redis(directions: tuple[str, ...], cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    cluster.history.mark("fault")
    for hub in cluster.hubs:
        hub.redis.blackhole(*directions)  # type: ignore[arg-type]
    await room.press(seconds=3)
    for hub in cluster.hubs:
        hub.redis.heal()
    await room.press(seconds=1)
    assert not (lost := losses(cluster)), f"P16: sockets stay open, not {lost}"
    await cluster.rest()


async def test_row_13_sockets_of_many_sessions_stay_open(cluster: Cluster) -> None:
    """With Redis hung every session's housekeeping waits for it; nobody's heartbeat may wait for that."""
    rooms = [await cluster.room(2, kinds=("many",)) for _ in range(12)]
    cluster.history.mark("fault")
    for hub in cluster.hubs:
        hub.redis.blackhole()
    for room in rooms:
        await room.crowd.close()  # people leave, which is to be noted in Redis
        room.crowd.phones.clear()
    staying = [room.host for room in rooms]
    await eventually(lambda: _heard_for_seconds(cluster, 6), "six seconds have passed", 20)
    silent = [line for line in losses(cluster) if line.startswith("host")]
    for hub in cluster.hubs:
        hub.redis.heal()
    assert not silent, f"P16: sockets stay open, not {silent}"
    await eventually(lambda: all(host.session.online for host in staying), "online")


def _heard_for_seconds(cluster: Cluster, seconds: float) -> bool:
    return time.monotonic_ns() - cluster.history.marks[-1].ns > seconds * 1e9


async def test_row_14_partition_of_one_hub_from_redis(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    away, fine = cluster.hubs
    away.redis.blackhole()
    await room.press(seconds=3)

    async def unready() -> bool:
        return not (await away.health())["ready"]

    await eventually(unready, "the hub without Redis says that it should get no traffic", 5)
    assert (await fine.health())["ready"]
    away.redis.heal()
    await room.press(seconds=0.5)
    await cluster.rest()
